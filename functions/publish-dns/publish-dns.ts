import * as z from 'zod/mini';
import type { ClusterId } from '../../shared/domain/ids.ts';
import { clusterNames } from '../../shared/domain/dns.ts';
import { compareDns, type DnsStep } from '../../shared/planning/compare-dns.ts';
import { checkReference, isPublished, planDns } from '../../shared/planning/plan-dns.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { isCloudError } from '../../shared/runtime/cloud.ts';
import type { Dns } from '../../shared/runtime/dns.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const publishRequest = z.strictObject({
  clusterId: z.uuid(),
  /** Nobody looks at the zone when what should be there is what was published last. */
  unlessPublished: z.optional(z.boolean()),
});
export type PublishRequest = z.infer<typeof publishRequest>;

export interface PublishParts {
  readonly store: Pick<Store, 'clusters' | 'nodes' | 'parts' | 'dns'>;
  /** Undefined: this installation has no hosted zone, and nothing is ever published. */
  readonly dns: Dns | undefined;
  readonly clock: Clock;
  /** Random text that was never given before. */
  readonly newNonce: () => string;
  readonly log: Log;
}

/** Checks, records, checks that nothing refers to any more, the look that finds all right, and as many for others' haste. */
const passesMax = 8;
const messageCharactersMax = 900;

/** Others were faster each time, or Route 53 objects for a reason that no look shows. */
class NamesUnsettled extends Error {
  override readonly name = 'NamesUnsettled';
}

/**
 * Makes a cluster's names lead where they should: what is wanted is read anew before each look at the zone, so that of several
 * runs at once whoever writes last has read last. Of a cluster that is to go nothing is wanted, and nothing is left.
 *
 * @throws CloudError as shared/runtime/dns.ts has it, or NamesUnsettled; what no patience changes is recorded first, and found
 *   there.
 */
export const publishDns =
  (parts: PublishParts) =>
  async ({ clusterId, unlessPublished = false }: PublishRequest): Promise<{ done: true }> => {
    const { dns } = parts;
    if (dns === undefined) return { done: true };
    try {
      let objection = '';
      for (let pass = 1; pass <= passesMax; pass += 1) {
        const outcome = await takePass({ ...parts, dns }, clusterId, unlessPublished && pass === 1);
        if (outcome === 'right') return { done: true };
        objection = outcome.objection ?? objection;
      }
      throw new NamesUnsettled(`not right after ${passesMax} passes: ${objection}`);
    } catch (error) {
      if (error instanceof NamesUnsettled || (isCloudError(error) && !needsPatience(error)))
        await recordFailure(parts, clusterId, error);
      throw error;
    }
  };

const needsPatience = ({ name }: Error): boolean => name === 'Throttled' || name === 'CloudUnavailable';

async function recordFailure(
  { store, clock, log }: PublishParts,
  clusterId: ClusterId,
  { name, message }: Error,
): Promise<void> {
  log.warn('names not published', { clusterId, error: name, message });
  if ((await store.clusters.get(clusterId))?.desired !== 'present') return;
  await store.dns.recordFailure(clusterId, {
    error: name,
    message: message.slice(0, messageCharactersMax),
    at: clock.now(),
  });
}

/** What Route 53 objects to is no error: the next look shows why. */
interface Step {
  readonly objection?: string;
}

/** One look, and what is to be done first. */
async function takePass(
  parts: PublishParts & { readonly dns: Dns },
  clusterId: ClusterId,
  mayTrust: boolean,
): Promise<'right' | Step> {
  const { store, dns, clock } = parts;
  const cluster = await store.clusters.get(clusterId);
  if (cluster === undefined) return 'right';
  const [nodes, cloudParts, published] = await Promise.all([
    store.nodes.list(clusterId),
    store.parts.list(clusterId),
    store.dns.get(clusterId),
  ]);
  const wanted = planDns({ cluster, nodes, parts: cloudParts, zone: dns.zone });
  if (mayTrust && published?.failure === undefined && isPublished(wanted, published)) return 'right';
  const names = clusterNames(cluster.name, dns.zone.name);
  const { flaws, step } = compareDns({ clusterId, names, wanted, seen: await dns.look(cluster.name) });
  if (step !== undefined) return carryOut(parts, clusterId, step);
  if (cluster.desired === 'present')
    await store.dns.recordPublished(clusterId, {
      clusterName: cluster.name,
      records: wanted,
      flaws,
      at: clock.now(),
    });
  else await store.dns.forget(clusterId);
  return 'right';
}

async function carryOut(
  { dns, newNonce, log }: PublishParts & { readonly dns: Dns },
  clusterId: ClusterId,
  step: DnsStep,
): Promise<Step> {
  log.info('names', { clusterId, step: step.kind, ...countOf(step) });
  if (step.kind === 'change-records') {
    const outcome = await dns.change(step.changes);
    return outcome === 'changed' ? {} : outcome;
  }
  // One after the other: an account is let make five calls a second.
  if (step.kind === 'create-checks')
    for (const target of step.targets) await dns.createCheck(target, checkReference(clusterId, newNonce()));
  else for (const id of step.ids) await dns.removeCheck(id);
  return {};
}

const countOf = (step: DnsStep): { readonly count: number } => ({
  count:
    step.kind === 'create-checks'
      ? step.targets.length
      : step.kind === 'change-records'
        ? step.changes.length
        : step.ids.length,
});
