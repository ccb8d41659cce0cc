import { randomUUID } from 'node:crypto';
import type {
  AppliedCluster,
  ClusterDetails,
  ClusterView,
  IssuedKubeconfig,
  ListOf,
  NodeView,
  OfferingList,
  OfferingView,
  PoliciesChange,
  PoliciesView,
  PodExplanation,
  ProblemDocument,
  RemovedNodes,
  SnapshotView,
  ReconcilePlan,
} from '../shared/domain/api-types.ts';
import type { TimelineEntry } from '../shared/domain/timeline.ts';
import type { UpgradeWish } from '../shared/domain/upgrade.ts';
import { UsageError, type Context } from './context.ts';

/** The API said no, in its own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: ProblemDocument;

  constructor(problem: ProblemDocument) {
    super(problem.detail);
    this.problem = problem;
  }
}

export interface AddNodes {
  /** Absent: workers. */
  readonly role?: string;
  readonly cloud: string;
  readonly shape?: string;
  readonly instanceType?: string;
  readonly lifecycle?: string;
  readonly count: number;
}

/** As the API names them; what is left out is not asked for. */
export interface OfferingsAsked {
  readonly region: string;
  readonly cloud?: string;
  readonly lifecycle?: string;
}

export interface ReconcileOptions {
  readonly replaceLost?: boolean | undefined;
}

/** Every call of the API that the command line makes. */
export interface ApiClient {
  createCluster(file: string): Promise<ClusterDetails>;
  /** With `dryRun` nothing is changed. */
  applyCluster(name: string, file: string, options?: { readonly dryRun?: boolean }): Promise<AppliedCluster>;
  listClusters(): AsyncIterable<ClusterView>;
  getCluster(nameOrId: string): Promise<ClusterDetails>;
  /** The cluster is looked at with the next tick; with `replaceLost` what looks lost is replaced, however much it is. */
  reconcileCluster(nameOrId: string, options: ReconcileOptions): Promise<ClusterView>;
  /** What would be found and done; nothing is. */
  planReconciliation(nameOrId: string, options: ReconcileOptions): Promise<ReconcilePlan>;
  /** @param pod `namespace/name` */
  explainPod(nameOrId: string, pod: string): Promise<PodExplanation>;
  deleteCluster(nameOrId: string): Promise<ClusterView>;
  /** From its newest snapshot when none is named. */
  restoreCluster(nameOrId: string, snapshot?: string): Promise<ClusterView>;
  /** To the next minor; with `dryRun` it is only said whether that could begin. */
  upgradeCluster(
    nameOrId: string,
    wish: UpgradeWish & { readonly dryRun?: boolean | undefined },
  ): Promise<ClusterView>;
  turnUpgrade(nameOrId: string, turn: 'pause' | 'resume'): Promise<ClusterView>;
  /** The first so many, through as many pages as that takes. */
  listOfferings(asked: OfferingsAsked, limit: number): Promise<OfferingList>;
  listNodes(nameOrId: string): Promise<readonly NodeView[]>;
  addNodes(nameOrId: string, nodes: AddNodes): Promise<readonly NodeView[]>;
  /** All of them, or none where one may not go; without a drain with the work that is on them. */
  removeNodes(
    nameOrId: string,
    numbers: readonly number[],
    options?: { readonly drain?: boolean },
  ): Promise<RemovedNodes>;
  getPolicies(nameOrId: string): Promise<PoliciesView>;
  /** A JSON merge patch; with `version` to these policies and no others. */
  patchPolicies(
    nameOrId: string,
    patch: Readonly<Record<string, unknown>>,
    options?: { readonly dryRun?: boolean | undefined; readonly version?: string },
  ): Promise<PoliciesChange>;
  listEvents(nameOrId: string, after?: string): Promise<ListOf<TimelineEntry>>;
  /** The oldest first. */
  listSnapshots(nameOrId: string): Promise<readonly SnapshotView[]>;
  issueKubeconfig(nameOrId: string): Promise<IssuedKubeconfig>;
}

/** The API's own limit. */
const offeringsPerPage = 200;
const callSecondsMax = 30;
const triesMax = 4;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly ifMatch?: string | undefined;
}

export function createApiClient(context: Context): ApiClient {
  async function call<T>({
    method,
    path,
    query = {},
    body,
    contentType = 'application/json',
    ifMatch,
  }: Call): Promise<T> {
    const url = new URL(`/v1${path}`, context.url);
    for (const [name, value = []] of Object.entries(query))
      for (const each of [value].flat()) url.searchParams.append(name, each);
    // One key for all tries: a change whose answer was lost is not made twice.
    const idempotencyKey = randomUUID();
    for (let tries = 1; ; tries += 1) {
      let response: Response;
      try {
        response = await fetch(url, {
          method,
          headers: {
            'x-api-key': context.apiKey,
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': contentType }),
            ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
            ...(method === 'GET' ? {} : { 'idempotency-key': idempotencyKey }),
          },
          ...(body === undefined ? {} : { body }),
          signal: AbortSignal.timeout(callSecondsMax * 1000),
        });
      } catch (error) {
        if (tries < triesMax) {
          await pause(tries);
          continue;
        }
        throw new UsageError(
          `no answer from ${context.url}: ${reasonOf(error)}. Is the installation running (\`npm start\`)?`,
          { cause: error },
        );
      }
      if ((response.status === 429 || response.status >= 500) && tries < triesMax) {
        await pause(tries, Number(response.headers.get('retry-after') ?? Number.NaN));
        continue;
      }
      if (!response.ok) throw new ApiError(await problemOf(response));
      return parsed(await response.text()) as T;
    }
  }
  return {
    createCluster: (file) =>
      call({ method: 'POST', path: '/clusters', body: file, contentType: 'application/yaml' }),
    applyCluster: (name, file, options = {}) =>
      call({
        method: 'PUT',
        path: cluster(name),
        query: dryRunOf(options),
        body: file,
        contentType: 'application/yaml',
      }),
    async *listClusters() {
      let cursor: string | undefined;
      do {
        const page: ListOf<ClusterView> = await call({ method: 'GET', path: '/clusters', query: { cursor } });
        yield* page.items;
        ({ cursor } = page);
      } while (cursor !== undefined);
    },
    async listOfferings(asked, limit) {
      const items: OfferingView[] = [];
      for (let cursor: string | undefined; ;) {
        const size = String(Math.min(offeringsPerPage, limit - items.length));
        const query = { ...asked, limit: size, cursor };
        const page: OfferingList = await call({ method: 'GET', path: '/offerings', query });
        items.push(...page.items);
        ({ cursor } = page);
        if (cursor === undefined || items.length >= limit) return { items, prices: page.prices };
      }
    },
    getCluster: (nameOrId) => call({ method: 'GET', path: cluster(nameOrId) }),
    reconcileCluster: (nameOrId, options) =>
      call({ method: 'POST', path: `${cluster(nameOrId)}/reconcile`, query: replaceLostOf(options) }),
    planReconciliation: (nameOrId, options) =>
      call({
        method: 'POST',
        path: `${cluster(nameOrId)}/reconcile`,
        query: { ...dryRunOf({ dryRun: true }), ...replaceLostOf(options) },
      }),
    explainPod: (nameOrId, pod) =>
      call({
        method: 'GET',
        path: `${cluster(nameOrId)}/pods/${pod.split('/').map(encodeURIComponent).join('/')}/explanation`,
      }),
    deleteCluster: (nameOrId) => call({ method: 'DELETE', path: cluster(nameOrId) }),
    restoreCluster: (nameOrId, snapshot) =>
      call({
        method: 'POST',
        path: `${cluster(nameOrId)}/restore`,
        body: JSON.stringify(snapshot === undefined ? {} : { snapshot }),
      }),
    upgradeCluster: (nameOrId, { dryRun, ...wish }) =>
      call({
        method: 'POST',
        path: `${cluster(nameOrId)}/upgrade`,
        query: dryRunOf({ dryRun }),
        body: JSON.stringify(wish),
      }),
    turnUpgrade: (nameOrId, turn) => call({ method: 'POST', path: `${cluster(nameOrId)}/upgrade/${turn}` }),
    listNodes: async (nameOrId) =>
      (await call<ListOf<NodeView>>({ method: 'GET', path: `${cluster(nameOrId)}/nodes` })).items,
    addNodes: async (nameOrId, nodes) =>
      (
        await call<ListOf<NodeView>>({
          method: 'POST',
          path: `${cluster(nameOrId)}/nodes`,
          body: JSON.stringify(nodes),
        })
      ).items,
    removeNodes: (nameOrId, numbers, { drain = true } = {}) =>
      call({
        method: 'DELETE',
        path: `${cluster(nameOrId)}/nodes`,
        query: { number: numbers.map(String), ...(drain ? {} : { drain: 'false' }) },
      }),
    getPolicies: (nameOrId) => call({ method: 'GET', path: `${cluster(nameOrId)}/policies` }),
    patchPolicies: (nameOrId, patch, { version, ...options } = {}) =>
      call({
        method: 'PATCH',
        path: `${cluster(nameOrId)}/policies`,
        query: dryRunOf(options),
        body: JSON.stringify(patch),
        contentType: 'application/merge-patch+json',
        ifMatch: version,
      }),
    listEvents: (nameOrId, after) =>
      call({ method: 'GET', path: `${cluster(nameOrId)}/events`, query: { after } }),
    listSnapshots: async (nameOrId) =>
      (await call<ListOf<SnapshotView>>({ method: 'GET', path: `${cluster(nameOrId)}/snapshots` })).items,
    issueKubeconfig: (nameOrId) => call({ method: 'POST', path: `${cluster(nameOrId)}/kubeconfig` }),
  };
}

/** Some of it are a cloud's or a machine's own words: they must not move, clear or rename the terminal they are shown in. */
const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '');

const parsed = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown) => (typeof value === 'string' ? printable(value) : value));

const replaceLostOf = ({ replaceLost }: ReconcileOptions): { replaceLost?: string } =>
  replaceLost === true ? { replaceLost: 'true' } : {};
const dryRunOf = ({ dryRun }: { readonly dryRun?: boolean | undefined }): { dryRun?: string } =>
  dryRun === true ? { dryRun: 'true' } : {};

const cluster = (nameOrId: string): string => `/clusters/${encodeURIComponent(nameOrId)}`;

const pause = (tries: number, seconds = Number.NaN): Promise<void> =>
  new Promise((resolve) =>
    setTimeout(resolve, Number.isNaN(seconds) ? 200 * 2 ** tries : Math.min(30, seconds) * 1000),
  );

const reasonOf = (error: unknown): string =>
  error instanceof Error
    ? error.cause instanceof Error
      ? error.cause.message || error.message
      : error.message
    : String(error);

async function problemOf(response: Response): Promise<ProblemDocument> {
  const text = await response.text();
  try {
    const problem = parsed(text) as Partial<ProblemDocument>;
    if (typeof problem.detail === 'string') return problem as ProblemDocument;
  } catch {
    // Not ours: a proxy's page, say. Its status and beginning must do.
  }
  return {
    type: 'about:blank',
    title: response.statusText,
    status: response.status,
    detail: `HTTP ${response.status}: ${printable(text.slice(0, 200))}`,
    requestId: '',
  };
}
