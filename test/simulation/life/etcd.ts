import { overlayAddress } from '../../../shared/domain/node.ts';
import type { SimulatedMachine } from './machine.ts';

/**
 * Whose votes count in each cluster's etcd. A machine that died votes no more and is counted all the same, until it is struck
 * off: more than half of all must run, or nothing is written and nobody is struck off either.
 */
export class Etcd {
  readonly #members = new Map<string, Set<SimulatedMachine>>();

  /** By init or by a restore: it is the only member. */
  begins(machine: SimulatedMachine): void {
    this.#members.set(machine.clusterId, new Set([machine]));
  }

  joins(machine: SimulatedMachine): void {
    this.#members.get(machine.clusterId)?.add(machine);
  }

  /** @returns whether it was done: whoever is not a member is struck off already, and the last one never is. */
  forgets(clusterId: string, address: string): boolean {
    if (!this.serves(clusterId)) return false;
    const members = this.#members.get(clusterId) ?? new Set();
    for (const each of members)
      if (overlayAddress(each.number) === address && members.size > 1) members.delete(each);
    return true;
  }

  serves(clusterId: string): boolean {
    const members = [...(this.#members.get(clusterId) ?? [])];
    const voting = members.filter(({ runs, phase }) => runs && (phase === 'joined' || phase === 'ready'));
    return voting.length * 2 > members.length;
  }
}
