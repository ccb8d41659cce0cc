import { randomUUID } from 'node:crypto';
import type { Cloud, MachineRef, MachineRequest, Progress } from '../../../shared/clouds/contract.ts';
import { cloudNames, type CloudName, type Owner } from '../../../shared/domain/cloud.ts';
import type { LoadBalancerSpec } from '../../../shared/domain/load-balancer.ts';
import type { Network } from '../../../shared/domain/network.ts';
import { differences, type Outcome } from '../case.ts';
import { Account, deadCallMilliseconds, within } from './account.ts';

export const methods = [
  'ensureNetwork',
  'createMachine',
  'ensureLoadBalancer',
  'joinLoadBalancer',
  'leaveLoadBalancer',
  'deleteMachine',
  'collapse',
] as const;
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
  /** As the method is to leave it; absent where none is looked at. */
  readonly balancer?: LoadBalancerSpec;
}

/** What a method's uncut run asked, and what it left. */
interface Recorded {
  readonly requests: readonly string[];
  readonly left: readonly string[];
}

/** All cases of one cloud's driver; several may run at once, each in an account of its own. */
export class WireCases {
  readonly #cloud: CloudName;
  readonly #through: (driver: Cloud) => Cloud;
  readonly #recorded = new Map<Method, Promise<Recorded>>();
  /** An account serves many cases, one after the other: each tidies up. */
  readonly #idle: Account[] = [];

  constructor(cloud: CloudName, through: (driver: Cloud) => Cloud = (driver) => driver) {
    this.#cloud = cloud;
    this.#through = through;
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((account) => account.close()));
  }

  /** What the method asked when nothing cut it. */
  async requests(method: Method): Promise<readonly string[]> {
    return (await this.#record(method)).requests;
  }

  /** Before and after every request of the method, and what becomes of its function then. */
  async caseIds(method: Method): Promise<readonly string[]> {
    return (await this.requests(method)).flatMap((_, index) =>
      forms.flatMap((form) =>
        fates.map((fate) => idOf({ cloud: this.#cloud, method, request: index + 1, form, fate })),
      ),
    );
  }

  async run(id: string): Promise<Outcome> {
    const cut = cutOf(id);
    const recorded = await this.#record(cut.method);
    const account = this.#idle.pop() ?? (await Account.open(this.#cloud, this.#through));
    let isCut = false;
    let failure: string | undefined;
    try {
      const stage = await prepare(account, cut.method);
      isCut = await actAndCut(stage, cut);
      if (!isCut) failure = 'the run never came to that request: it is not the recorded one';
      failure ??= (await whatIsWrong(stage, cut.method, recorded)) ?? (await tidy(stage));
    } catch (error) {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    const outcome = { id, cuts: isCut ? 1 : 0, checks: 1 };
    if (failure === undefined) {
      this.#idle.push(account);
      return outcome;
    }
    const told = [
      `${id}: cut ${cut.form} ${recorded.requests[cut.request - 1] ?? ''}`,
      `  ${failure}`,
      ...account.requests.slice(0, requestsShownMax).map((request, index) => `    ${index + 1}. ${request}`),
      `  replay: npm run test:crashes -- --only ${id}`,
    ];
    // Whatever it left must not be the next one's.
    await account.close();
    return { ...outcome, failure: told.join('\n') };
  }

  #record(method: Method): Promise<Recorded> {
    let recorded = this.#recorded.get(method);
    if (recorded === undefined) this.#recorded.set(method, (recorded = this.#runUncut(method)));
    return recorded;
  }

  async #runUncut(method: Method): Promise<Recorded> {
    const account = this.#idle.pop() ?? (await Account.open(this.#cloud, this.#through));
    const stage = await prepare(account, method);
    account.requests = [];
    const steady = await account.steady();
    await account.repeated(() => act(stage, steady, method));
    const recorded = { requests: [...account.requests], left: leftOf(stage) };
    const wrong = (await whatIsWrong(stage, method, recorded)) ?? (await tidy(stage));
    if (wrong !== undefined) throw new Error(`${this.#cloud} ${method}, which nothing cuts: ${wrong}`);
    this.#idle.push(account);
    return recorded;
  }
}

/** Everything that must stand before the method is called. */
async function prepare(account: Account, method: Method): Promise<Stage> {
  const owner = { installation: 'crashes', clusterId: randomUUID() };
  const nothing = { account, owner, network: undefined, machine: undefined, providerId: undefined };
  if (method === 'ensureNetwork') return nothing;
  const steady = await account.steady();
  const network = await account.repeated(() => steady.ensureNetwork(account.specOf(owner)));
  const machine = account.requestFor(owner, network);
  if (method === 'createMachine') return { ...nothing, network, machine };
  const { providerId } = await account.repeated(() => steady.createMachine(machine));
  const stage = { account, owner, network, machine, providerId };
  if (method === 'deleteMachine') return stage;
  const member = { providerId, nodeId: machine.nodeId, name: machine.name, location: account.location };
  const empty = account.balancerSpecOf(owner, network);
  const full = { ...empty, members: [member] };
  if (method === 'ensureLoadBalancer') return { ...stage, balancer: full };
  await account.repeated(() => steady.ensureLoadBalancer(method === 'joinLoadBalancer' ? empty : full));
  return { ...stage, balancer: method === 'joinLoadBalancer' ? full : empty };
}

function act(
  { account, owner, machine, providerId, balancer }: Stage,
  cloud: Cloud,
  method: Method,
): Promise<Progress<unknown>> {
  if (method === 'ensureNetwork') return cloud.ensureNetwork(account.specOf(owner));
  if (method === 'collapse') return cloud.collapse(owner, account.location);
  if (machine === undefined) throw new Error('no machine was asked for');
  if (method === 'createMachine') return cloud.createMachine(machine);
  if (balancer !== undefined && providerId !== undefined) {
    if (method === 'ensureLoadBalancer') return cloud.ensureLoadBalancer(balancer);
    const member = { providerId, nodeId: machine.nodeId, name: machine.name, location: account.location };
    return method === 'joinLoadBalancer'
      ? cloud.joinLoadBalancer(member, owner)
      : cloud.leaveLoadBalancer(member, owner);
  }
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
  const steady = await account.steady();
  const mortal = fate === 'dies' ? await account.invoke() : undefined;
  let isDead = false;
  await account.repeated(async () => {
    if (mortal === undefined || isDead) return act(stage, steady, method);
    const answer = act(stage, mortal.cloud, method).then(
      (progress) => () => progress,
      (error: unknown) => () => {
        throw error;
      },
    );
    const heard = await within(deadCallMilliseconds, answer);
    if (isPending() && heard !== undefined) return heard();
    // It was cut in this call: whatever it answered, nobody heard it.
    isDead = true;
    await mortal.end();
    world.clearFaults();
    return { done: false, retryAfterSeconds: 1, waitingFor: 'another function' };
  });
  const wasCut = !isPending();
  world.clearFaults();
  if (!isDead) await mortal?.end();
  return wasCut;
}

const leftOf = ({ account, owner, machine, providerId }: Stage): readonly string[] =>
  account.holdings(owner, [machine?.nodeId ?? '', machine?.token ?? '', providerId ?? '']);

/** What the cloud holds, and what the driver itself says of it. */
async function whatIsWrong(stage: Stage, method: Method, recorded: Recorded): Promise<string | undefined> {
  const { account, owner, machine, balancer } = stage;
  const found = differences(recorded.left, leftOf(stage));
  if (found.length > 0) return `the end is another than the uncut run's\n  ${found.join('\n  ')}`;
  const touched = account.touched();
  if (touched.length > 0) return `strangers were touched: ${touched.join(', ')}`;
  const steady = await account.steady();
  const expected = {
    network: account.specOf(owner),
    machines: [],
    ...(balancer === undefined || method === 'collapse' ? {} : { loadBalancer: balancer }),
  };
  const [seen] = await steady.observe([{ ...owner, expected }], account.location);
  if (seen === undefined) return 'it observes nothing at all';
  const wanted = method === 'createMachine' || method.endsWith('LoadBalancer') ? 1 : 0;
  if (seen.machines.length !== wanted) return `it sees ${seen.machines.length} machines`;
  if (wanted === 1 && seen.machines[0]?.nodeId !== machine?.nodeId) return 'its machine is not the node’s';
  const spare = seen.resources.filter(({ isSpare }) => isSpare);
  if (spare.length > 0) return `left over: ${JSON.stringify(spare)}`;
  if (method !== 'collapse' && seen.flaws.length > 0) return `flaws: ${JSON.stringify(seen.flaws)}`;
  if (method === 'collapse' && seen.resources.length > 0) return `left: ${JSON.stringify(seen.resources)}`;
  return undefined;
}

async function tidy({ account, owner }: Stage): Promise<string | undefined> {
  const steady = await account.steady();
  await account.repeated(() => steady.collapse(owner, account.location));
  const left = account.holdings(owner, []);
  if (left.length > 0) return `the collapse afterwards left ${left.join(', ')}`;
  const touched = account.touched();
  return touched.length === 0 ? undefined : `strangers were touched: ${touched.join(', ')}`;
}
