import { randomUUID } from 'node:crypto';
import type { Cloud, MachineRef, MachineRequest, Progress } from '../../../shared/clouds/contract.ts';
import { cloudNames, type CloudName, type Owner } from '../../../shared/domain/cloud.ts';
import type { Network } from '../../../shared/domain/network.ts';
import type { Outcome } from '../case.ts';
import { Account, deadCallMilliseconds, within, type Invocation } from './account.ts';

export const methods = ['ensureNetwork', 'createMachine', 'deleteMachine', 'collapse'] as const;
export type Method = (typeof methods)[number];
const forms = ['before', 'after'] as const;
/** The SDK and the driver may try again; or the function that called them is gone as well, and another comes. */
const fates = ['retried', 'dies'] as const;

interface WireCut {
  readonly cloud: CloudName;
  readonly method: Method;
  /** Which of the method's requests, from 1, however often it is repeated. */
  readonly request: number;
  readonly form: (typeof forms)[number];
  readonly fate: (typeof fates)[number];
}

/** How often a cut is tried anew whose run was over before it came to that request: polls are not always equally many. */
const triesMax = 4;
const requestsShownMax = 30;

const idOf = ({ cloud, method, request, form, fate }: WireCut): string =>
  `wire-${cloud}-${method}-${request}-${form}-${fate}`;

/** @throws on an id that is none of these cases' */
function cutOf(id: string): WireCut {
  const [kind, cloud, method, request, form, fate, more] = id.split('-');
  const isKnown =
    kind === 'wire' &&
    more === undefined &&
    cloudNames.includes(cloud as CloudName) &&
    methods.includes(method as Method) &&
    forms.includes(form as WireCut['form']) &&
    fates.includes(fate as WireCut['fate']) &&
    /^\d+$/.test(request ?? '');
  if (!isKnown) throw new Error(`${id}: not a case`);
  return {
    cloud: cloud as CloudName,
    method: method as Method,
    request: Number(request),
    form: form as WireCut['form'],
    fate: fate as WireCut['fate'],
  };
}

/** One cluster in one account while one method works on it. */
interface Stage {
  readonly account: Account;
  readonly owner: Owner;
  readonly network: Network | undefined;
  readonly machine: MachineRequest | undefined;
  readonly providerId: string | undefined;
}

/** What a method's uncut run asked, and what it left. */
interface Recorded {
  readonly requests: readonly string[];
  readonly left: readonly string[];
}

/** All cases of one cloud's driver. One account serves many of them, one after the other: each tidies up. */
export class WireCases {
  readonly #cloud: CloudName;
  readonly #recorded = new Map<Method, Recorded>();
  #account: Account | undefined;

  constructor(cloud: CloudName) {
    this.#cloud = cloud;
  }

  close(): void {
    this.#account?.close();
    this.#account = undefined;
  }

  /** Records the method, and says which cuts there are. */
  async caseIds(method: Method): Promise<readonly string[]> {
    const { requests } = await this.#record(method);
    return requests.flatMap((_, index) =>
      forms.flatMap((form) =>
        fates.map((fate) => idOf({ cloud: this.#cloud, method, request: index + 1, form, fate })),
      ),
    );
  }

  async run(id: string): Promise<Outcome> {
    const cut = cutOf(id);
    const recorded = await this.#record(cut.method);
    let checks = 0;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const account = await this.#open();
      const stage = await prepare(account, cut.method);
      let failure: string | undefined;
      let isCut = false;
      try {
        isCut = await actAndCut(stage, cut);
        checks += 1;
        failure = await whatIsWrong(stage, cut.method, recorded);
        failure ??= await tidy(stage);
      } catch (error) {
        failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      }
      if (failure !== undefined) {
        const told = [
          `${id}: cut ${cut.form} ${account.requests[cut.request - 1] ?? recorded.requests[cut.request - 1] ?? ''}`,
          `  ${failure}`,
          ...account.requests.slice(-requestsShownMax).map((request) => `    ${request}`),
          `  replay: npm run test:crashes -- --only ${id}`,
        ].join('\n');
        // Whatever it left must not be the next one's.
        this.close();
        return { id, cuts: isCut ? 1 : 0, checks, failure: told };
      }
      if (isCut) return { id, cuts: 1, checks };
    }
    return { id, cuts: 0, checks };
  }

  async #open(): Promise<Account> {
    this.#account ??= await Account.open(this.#cloud);
    return this.#account;
  }

  async #record(method: Method): Promise<Recorded> {
    const known = this.#recorded.get(method);
    if (known !== undefined) return known;
    const account = await this.#open();
    const stage = await prepare(account, method);
    account.requests = [];
    const invocation = await account.invoke();
    await account.repeated(() => act(stage, invocation.cloud, method));
    await invocation.end();
    const recorded = { requests: account.requests, left: leftOf(stage) };
    const wrong = (await whatIsWrong(stage, method, recorded)) ?? (await tidy(stage));
    if (wrong !== undefined) throw new Error(`${this.#cloud} ${method}, which nothing cuts: ${wrong}`);
    this.#recorded.set(method, recorded);
    return recorded;
  }
}

/** Everything that must stand before the method is called. */
async function prepare(account: Account, method: Method): Promise<Stage> {
  const owner = { installation: 'crashes', clusterId: randomUUID() };
  const nothing = { account, owner, network: undefined, machine: undefined, providerId: undefined };
  if (method === 'ensureNetwork') return nothing;
  const invocation = await account.invoke();
  const network = await account.repeated(() => invocation.cloud.ensureNetwork(account.specOf(owner)));
  const machine = account.requestFor(owner, network);
  const made =
    method === 'createMachine' ? undefined : await account.repeated(() => invocation.cloud.createMachine(machine));
  await invocation.end();
  return { account, owner, network, machine, providerId: made?.providerId };
}

function act({ account, owner, machine, providerId }: Stage, cloud: Cloud, method: Method): Promise<Progress<unknown>> {
  if (method === 'ensureNetwork') return cloud.ensureNetwork(account.specOf(owner));
  if (method === 'collapse') return cloud.collapse(owner, account.location);
  if (machine === undefined) throw new Error('no machine was asked for');
  if (method === 'createMachine') return cloud.createMachine(machine);
  const ref: MachineRef = {
    nodeId: machine.nodeId,
    name: machine.name,
    location: account.location,
    ...(providerId === undefined ? {} : { providerId }),
  };
  return cloud.deleteMachine(ref, owner);
}

/** Repeats the method until it is done. @returns false when its run never came to that request */
async function actAndCut(stage: Stage, { method, request, form, fate }: WireCut): Promise<boolean> {
  const { account } = stage;
  const { world, cloud } = account;
  const effect = form === 'before' ? 'cut' : 'lose-reply';
  const isPending = (): boolean => world.faults().some(({ id }) => id === 'cut');
  account.requests = [];
  world.addFault({ id: 'cut', cloud, operation: '*', effect, times: 1, skip: request - 1 });
  if (fate === 'dies')
    // Nothing of a dead function arrives any more. Counted in another way: the first one passes that test unharmed.
    world.addFault({
      id: 'silence',
      cloud,
      operation: '*',
      effect: 'cut',
      times: Number.MAX_SAFE_INTEGER,
      skip: form === 'before' ? request - 1 : request,
    });
  let invocation: Invocation = await account.invoke();
  let isLater = false;
  await account.repeated(async () => {
    const call = act(stage, invocation.cloud, method);
    if (fate === 'retried' || isLater) return call;
    const answer = call.then(
      (progress) => () => progress,
      (error: unknown) => () => {
        throw error;
      },
    );
    const heard = await within(deadCallMilliseconds, answer);
    if (isPending() && heard !== undefined) return heard();
    // It was cut in this call: whatever it answered, nobody heard it.
    isLater = true;
    await invocation.end();
    world.clearFaults();
    invocation = await account.invoke();
    return { done: false, retryAfterSeconds: 1, waitingFor: 'another function' };
  });
  const wasCut = !isPending();
  world.clearFaults();
  await invocation.end();
  return wasCut;
}

const leftOf = ({ account, owner, machine, providerId }: Stage): readonly string[] =>
  account.holdings(owner, [machine?.nodeId ?? '', machine?.token ?? '', providerId ?? '']);

/** What the cloud holds, and what the driver itself says of it. */
async function whatIsWrong(stage: Stage, method: Method, recorded: Recorded): Promise<string | undefined> {
  const { account, owner, machine } = stage;
  const left = leftOf(stage);
  const missing = recorded.left.filter((row) => !left.includes(row));
  const surplus = left.filter((row, index) => !recorded.left.includes(row) || left.indexOf(row) !== index && !isTwice(recorded.left, row));
  if (left.length !== recorded.left.length || missing.length > 0)
    return `another end than the uncut run's\n  uncut only: ${missing.join('\n    ')}\n  cut only: ${surplus.join('\n    ')}\n  (${recorded.left.length} and ${left.length})`;
  const touched = account.touched();
  if (touched.length > 0) return `strangers were touched: ${touched.join(', ')}`;
  const invocation = await account.invoke();
  try {
    const [seen] = await invocation.cloud.observe(
      [{ ...owner, expected: { network: account.specOf(owner), machines: [] } }],
      account.location,
    );
    if (seen === undefined) return 'it observes nothing at all';
    const wanted = method === 'createMachine' ? 1 : 0;
    if (seen.machines.length !== wanted) return `it sees ${seen.machines.length} machines`;
    if (wanted === 1 && seen.machines[0]?.nodeId !== machine?.nodeId) return 'its machine is not the node’s';
    const spare = seen.resources.filter(({ isSpare }) => isSpare);
    if (spare.length > 0) return `left over: ${JSON.stringify(spare)}`;
    if (method !== 'collapse' && seen.flaws.length > 0) return `flaws: ${JSON.stringify(seen.flaws)}`;
    if (method === 'collapse' && seen.resources.length > 0) return `left: ${JSON.stringify(seen.resources)}`;
  } finally {
    await invocation.end();
  }
  return undefined;
}

const isTwice = (rows: readonly string[], row: string): boolean => rows.indexOf(row) !== rows.lastIndexOf(row);

async function tidy({ account, owner }: Stage): Promise<string | undefined> {
  const invocation = await account.invoke();
  await account.repeated(() => invocation.cloud.collapse(owner, account.location));
  await invocation.end();
  const left = account.holdings(owner, []);
  if (left.length > 0) return `the collapse afterwards left ${left.join(', ')}`;
  const touched = account.touched();
  return touched.length === 0 ? undefined : `strangers were touched: ${touched.join(', ')}`;
}
