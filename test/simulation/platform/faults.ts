import type { Random } from '../clock/random.ts';

/**
 * What may go wrong in a world, each as a probability. A seed draws which kinds of trouble it knows and how much of each,
 * so that some worlds have one plague and others all of them.
 */
export interface FaultRates {
  /** Per invocation: the function dies at one of its outside calls, before or after it. */
  functionDies: number;
  /** Per invocation: it never begins, or its answer is lost. */
  invocationFails: number;
  /** Per outside call: it throws, before or after its effect. */
  callFails: number;
  /** Per outside call: it takes seconds. */
  callIsSlow: number;
  /** Per call of a cloud. Slow: up to what its function is given. */
  cloudIsSlow: number;
  cloudThrottles: number;
  cloudFails: number;
  cloudRefusesCredentials: number;
  /** Per machine that is created. */
  noCapacity: number;
  noCapacityLater: number;
  quota: number;
  hiddenFromLists: number;
  /** Per event and target. */
  eventLost: number;
  eventTwice: number;
  eventLate: number;
  /** Per message of a queue. */
  messageTwice: number;
  messageLate: number;
  tickLost: number;
  /** Per execution: it is gone at some moment and no event says so. */
  executionVanishes: number;
  /** Per execution: it fails at some moment, and an event says so. */
  executionAborts: number;
  /** Per call of an agent. */
  agentRequestLost: number;
  agentReplyLost: number;
  /** Per machine. */
  machineNeverCalls: number;
  machineHangs: number;
  kubeadmFails: number;
  machineDies: number;
  machineReboots: number;
  /** Per container of a function: its clock is up to a minute wrong. */
  clockSkewed: number;
  /** Per invocation: while it runs, its clock jumps to another time, up to a minute wrong, forwards or back. */
  clockJumps: number;
  tickTwice: number;
}

const highest: Readonly<FaultRates> = {
  functionDies: 0.06,
  invocationFails: 0.04,
  callFails: 0.02,
  callIsSlow: 0.02,
  cloudIsSlow: 0.4,
  cloudThrottles: 0.2,
  cloudFails: 0.1,
  cloudRefusesCredentials: 0.02,
  noCapacity: 0.4,
  noCapacityLater: 0.2,
  quota: 0.2,
  hiddenFromLists: 0.5,
  eventLost: 0.5,
  eventTwice: 0.3,
  eventLate: 0.2,
  messageTwice: 0.2,
  messageLate: 0.2,
  tickLost: 0.3,
  executionVanishes: 0.15,
  executionAborts: 0.1,
  agentRequestLost: 0.1,
  agentReplyLost: 0.1,
  machineNeverCalls: 0.15,
  machineHangs: 0.1,
  kubeadmFails: 0.15,
  machineDies: 0.1,
  machineReboots: 0.15,
  clockSkewed: 0.3,
  clockJumps: 0.1,
  tickTwice: 0.3,
};
const kinds = Object.keys(highest) as readonly (keyof FaultRates)[];

export class Faults {
  readonly rates: FaultRates;
  isCalm = false;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.rates = Object.fromEntries(kinds.map((kind) => [kind, 0])) as unknown as FaultRates;
    // One world in eight is a world without trouble: what fails there is plainly wrong.
    if (random.chance(1 / 8)) return;
    const share = random.between(0.1, 0.8);
    for (const kind of kinds) {
      // Drawn whether it is needed or not, so that the worlds of one seed stay alike while kinds are added.
      const [isKnown, amount] = [random.chance(share), random.next() ** 2];
      if (isKnown) this.rates[kind] = highest[kind] * amount;
    }
  }

  strikes(kind: keyof FaultRates): boolean {
    const rate = this.rates[kind];
    return rate > 0 && this.#random.next() < rate;
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.isCalm = true;
    for (const kind of kinds) this.rates[kind] = 0;
  }

  describe(): string {
    const known = kinds.filter((kind) => this.rates[kind] > 0);
    return known.map((kind) => `${kind} ${this.rates[kind].toFixed(3)}`).join(', ') || 'none';
  }
}
