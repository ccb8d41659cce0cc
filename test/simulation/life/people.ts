import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import type { Cluster } from '../../../shared/domain/cluster.ts';
import type { Node } from '../../../shared/domain/node.ts';
import type { Invariants } from '../checks/invariants.ts';
import type { Lambda } from '../platform/lambda.ts';
import type { Outside } from '../platform/outside.ts';
import { somePods, somePolicies } from './wishes.ts';
import type { Workloads } from './workloads.ts';

/** A cluster as somebody wants it. */
export interface WantedCluster {
  readonly name: string;
  readonly clouds: readonly CloudName[];
  id: string | undefined;
  wanted: 'present' | 'absent';
  /** It began with policies, and pods come to it and go. */
  readonly isResizing?: boolean;
}

/** So many clusters are left to policies; in the others people alone decide. */
const resizingShare = 0.35;

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export const apiKey = 'oc_simulated_simulated_simulated';
const triesMax = 6;
/** As infra/constructs/api.ts routes it. */
const functionOf = (path: string): string =>
  /\/reconcile(?:\?|$)/.test(path) ? 'request-reconcile' : 'serve-api';

type Look = Pick<Invariants, 'clusterOf' | 'nodesOf' | 'idOf' | 'apiAnswers'>;

/** People with an API client: they ask, and ask again when nobody answers. */
export class People {
  requests = 0;
  readonly clusters: WantedCluster[] = [];
  readonly #outside: Outside;
  readonly #lambda: Lambda;
  readonly #look: Look;
  readonly #workloads: Workloads;

  constructor(parts: { outside: Outside; lambda: Lambda; look: Look; workloads: Workloads }) {
    this.#outside = parts.outside;
    this.#lambda = parts.lambda;
    this.#workloads = parts.workloads;
    this.#look = parts.look;
  }

  stored(cluster: WantedCluster): Cluster | undefined {
    // Nobody answered, and it may exist all the same.
    cluster.id ??= this.#look.idOf(cluster.name);
    return cluster.id === undefined ? undefined : this.#look.clusterOf(cluster.id);
  }

  /** Nodes that are wanted. */
  nodes(cluster: WantedCluster): readonly Node[] {
    const id = this.stored(cluster)?.id;
    return id === undefined ? [] : this.#look.nodesOf(id).filter(({ desired }) => desired === 'present');
  }

  async create(name: string): Promise<void> {
    const { random } = this.#outside;
    const clouds = cloudNames.filter(() => random.chance(0.5));
    if (clouds.length === 0) clouds.push(random.pick(cloudNames));
    const isResizing = random.chance(resizingShare);
    const cluster: WantedCluster = { name, clouds, id: undefined, wanted: 'present', isResizing };
    this.clusters.push(cluster);
    const lifecycle = clouds.includes('digitalocean') ? 'on-demand' : 'spot';
    const nodes = [
      { role: 'control-plane', shape: 'medium', count: random.pick([1, 3]) },
      { role: 'worker', shape: 'small', lifecycle, count: random.int(1, 4) },
    ];
    const configuration = random.pick([
      'starter',
      'starter',
      'basic',
      'highly-available',
      undefined,
    ] as const);
    const document = {
      apiVersion: 'overcast.dev/v1',
      kind: 'Cluster',
      metadata: { name },
      spec: {
        region: 'us-east',
        clouds: clouds.map((cloud) => ({ cloud })),
        ...(configuration === undefined ? { nodes } : { configuration }),
        vpn: random.pick(['wireguard-full-mesh', 'wireguard-cross-location']),
        ...(isResizing && { policies: somePolicies(random, clouds) }),
      },
    };
    const answer = await this.#ask('POST', '/v1/clusters', document, true);
    const { id } = answer?.body ?? {};
    if (typeof id === 'string') cluster.id = id;
    else if (answer !== undefined) throw new Error(`the API refused a cluster: ${JSON.stringify(answer)}`);
  }

  async remove(cluster: WantedCluster): Promise<void> {
    cluster.wanted = 'absent';
    await this.#ask('DELETE', `/v1/clusters/${cluster.name}`);
  }

  async addNodes(cluster: WantedCluster): Promise<void> {
    const { random } = this.#outside;
    // While a plan is pending the API waits in real time; a person would see it and wait as well.
    if (this.stored(cluster) === undefined || this.stored(cluster)?.pendingPlan !== undefined) return;
    await this.#ask(
      'POST',
      `/v1/clusters/${cluster.name}/nodes`,
      { cloud: random.pick(cluster.clouds), shape: 'small', count: random.int(1, 2) },
      random.chance(0.7),
    );
  }

  async removeNode(cluster: WantedCluster): Promise<void> {
    const { random } = this.#outside;
    // A control plane is seldom meant, and often refused.
    const role = random.chance(0.2) ? 'control-plane' : 'worker';
    const nodes = this.nodes(cluster).filter((node) => node.role === role);
    if (nodes.length === 0) return;
    const { number } = random.pick(nodes);
    const drain = random.chance(0.3) ? '?drain=false' : '';
    await this.#ask('DELETE', `/v1/clusters/${cluster.name}/nodes/${number}${drain}`);
  }

  async changePolicies(cluster: WantedCluster): Promise<void> {
    if (cluster.isResizing !== true || this.stored(cluster) === undefined) return;
    const policies = somePolicies(this.#outside.random, cluster.clouds);
    // In a merge patch null takes a section away.
    const patch = Object.fromEntries(
      Object.entries(policies).map(([section, value]) => [section, value ?? null]),
    );
    await this.#ask('PATCH', `/v1/clusters/${cluster.name}/policies`, patch);
  }

  /** By kubectl: whether anybody of the platform hears of it does not matter. */
  deploy(cluster: WantedCluster): void {
    const id = this.stored(cluster)?.id;
    if (cluster.isResizing !== true || id === undefined || !this.#look.apiAnswers(id)) return;
    const { random, history } = this.#outside;
    const { shape, count } = somePods(random);
    history.note('person', 'deploys', count, JSON.stringify(shape), 'to', cluster.name);
    this.#workloads.deploy(id, shape, count);
  }

  scaleDown(cluster: WantedCluster): void {
    const id = this.stored(cluster)?.id;
    if (cluster.isResizing !== true || id === undefined || !this.#look.apiAnswers(id)) return;
    const share = this.#outside.random.pick([0.3, 0.7, 1]);
    this.#outside.history.note('person', 'scales down by', share, 'in', cluster.name);
    this.#workloads.scaleDown(id, share);
  }

  /** They have looked into the cloud: what looks lost there is lost. */
  async replaceLost(cluster: WantedCluster): Promise<void> {
    if (this.stored(cluster) === undefined) return;
    await this.#ask('POST', `/v1/clusters/${cluster.name}/reconcile?replaceLost=true`);
  }

  /** Somebody has read that the cluster is lost, and that there is a snapshot. */
  async restore(cluster: WantedCluster): Promise<void> {
    const stored = this.stored(cluster);
    if (stored?.status !== 'failed' || stored.pendingPlan !== undefined) return;
    await this.#ask('POST', `/v1/clusters/${cluster.name}/restore`, {}, this.#outside.random.chance(0.7));
  }

  /** Asks until somebody answers with something else than an apology; undefined: nobody did. */
  async #ask(
    method: string,
    path: string,
    body?: unknown,
    isSafeToRepeat = false,
  ): Promise<Answer | undefined> {
    const { time, random, history } = this.#outside;
    const headers = {
      'x-api-key': apiKey,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(isSafeToRepeat ? { 'idempotency-key': random.hex(16) } : {}),
    };
    const request = { method, path, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    for (let tries = 0; tries < triesMax; tries += 1) {
      this.requests += 1;
      history.note('person', method, path, body ?? '');
      try {
        const answer = (await this.#lambda.invoke(functionOf(path), request)) as Answer;
        history.note('person', 'is answered', answer.status, answer.body['detail'] ?? '');
        if (answer.status < 500) return answer;
      } catch (error) {
        history.note('person', 'is not answered:', String(error));
      }
      // Without a key a repeated change could be made twice: whoever sends none looks first, and then lets it be.
      if (!isSafeToRepeat && method === 'POST') return undefined;
      await time.sleep(random.between(2, 20));
    }
    return undefined;
  }
}
