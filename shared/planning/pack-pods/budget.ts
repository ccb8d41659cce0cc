import { policyDefaults } from '../../domain/policy.ts';
import type { Product } from './market.ts';
import type { PackingOptions } from './packing.ts';

/** Up to what may be bought. */
export interface Limits {
  readonly vcpusLeft: number;
  readonly nodesLeft: number;
  /** 0–1: at most so much of the workers' vCPUs is on spot. */
  readonly spotShare: number;
  readonly workerVcpus: number;
  readonly spotVcpus: number;
}

export function toLimits({ nodes, policies, newNodesMax = Infinity }: PackingOptions): Limits {
  const vcpusOf = (some: PackingOptions['nodes']): number =>
    some.reduce((sum, { offering }) => sum + offering.vcpus, 0);
  const workers = nodes.filter(({ role }) => role === 'worker');
  const { maxVcpus = Infinity } = policies.clusterLimits ?? {};
  const { sharePercent = policyDefaults.spot.sharePercent } = policies.spot ?? {};
  return {
    vcpusLeft: maxVcpus - vcpusOf(nodes),
    nodesLeft: newNodesMax,
    spotShare: sharePercent / 100,
    workerVcpus: vcpusOf(workers),
    spotVcpus: vcpusOf(workers.filter(({ offering }) => offering.lifecycle === 'spot')),
  };
}

/** What may still be bought. */
export class Budget {
  #vcpusLeft: number;
  #nodesLeft: number;
  readonly #spotShare: number;
  #workerVcpus: number;
  #spotVcpus: number;

  constructor(limits: Limits) {
    this.#vcpusLeft = limits.vcpusLeft;
    this.#nodesLeft = limits.nodesLeft;
    this.#spotShare = limits.spotShare;
    this.#workerVcpus = limits.workerVcpus;
    this.#spotVcpus = limits.spotVcpus;
  }

  /** Which limit forbids even one of these. */
  obstacle({
    vcpus,
    isSpot,
  }: Pick<Product, 'vcpus' | 'isSpot'>): 'newNodesMax' | 'maxVcpus' | 'spotShare' | undefined {
    if (this.#nodesLeft < 1) return 'newNodesMax';
    if (this.#vcpusLeft < vcpus) return 'maxVcpus';
    return this.allows({ vcpus, isSpot }) < 1 ? 'spotShare' : undefined;
  }

  /** Each node that is not on spot allows more that are, so they are not bought many at once. */
  goesByTurns({ isSpot }: Pick<Product, 'isSpot'>): boolean {
    return this.#spotShare < 1 && !isSpot;
  }

  /** How many of these. */
  allows({ vcpus, isSpot }: Pick<Product, 'vcpus' | 'isSpot'>): number {
    const count = Math.max(0, Math.min(this.#nodesLeft, Math.floor(this.#vcpusLeft / vcpus)));
    return isSpot && this.#spotShare < 1 ? Math.min(count, this.#spotAllows(vcpus)) : count;
  }

  /** The share is of what there will be then, these counted in. */
  #spotAllows(vcpus: number): number {
    const spare = this.#spotShare * this.#workerVcpus - this.#spotVcpus;
    return Math.max(0, Math.floor(spare / (vcpus * (1 - this.#spotShare))));
  }

  spend({ vcpus, isSpot }: Pick<Product, 'vcpus' | 'isSpot'>, count: number): void {
    this.#nodesLeft -= count;
    this.#vcpusLeft -= vcpus * count;
    this.#workerVcpus += vcpus * count;
    if (isSpot) this.#spotVcpus += vcpus * count;
  }
}
