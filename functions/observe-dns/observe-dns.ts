import * as z from 'zod/mini';
import { clusterNames, type DnsFlaw, type SeenDns } from '../../shared/domain/dns.ts';
import { compareDns } from '../../shared/planning/compare-dns.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Dns } from '../../shared/runtime/dns.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Queue } from '../../shared/runtime/queue.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** Nothing is asked: all clusters are looked at. */
export const observeDnsRequest = z.strictObject({});

/**
 * One look at the zone and the health checks serves all clusters: Route 53 lets an account make five calls a second, and a zone of
 * 10,000 records is 34 of them. What differs from what was published is kept with it, and decided about by the reconciler. What
 * is being published meanwhile is not compared: the look may be older than it.
 */
export const observeDns =
  (parts: {
    readonly store: Pick<Store, 'dns'>;
    /** Undefined: this installation has no hosted zone. */
    readonly dns: Pick<Dns, 'look' | 'zone'> | undefined;
    readonly reconcileQueue: Queue;
    readonly clock: Clock;
    readonly log: Log;
  }) =>
  async (): Promise<void> => {
    const { store, dns, reconcileQueue, clock, log } = parts;
    if (dns === undefined) return;
    const startedAt = clock.now();
    const seen = sortedOut(await dns.look(), dns.zone.name);
    const changed: string[] = [];
    for (const { clusterId, clusterName, publishedAt, records, flaws: known } of await store.dns.list()) {
      if (clusterName === undefined || publishedAt === undefined || publishedAt >= startedAt) continue;
      const { flaws } = compareDns({
        clusterId,
        names: clusterNames(clusterName, dns.zone.name),
        wanted: records,
        seen: seen(clusterName, clusterId),
      });
      if (isSame(flaws, known)) continue;
      if (await store.dns.recordFlaws(clusterId, { flaws, publishedAt })) changed.push(clusterId);
    }
    log.info('names seen', { changed: changed.length });
    await reconcileQueue.send(changed.map((clusterId) => ({ clusterId })));
  };

const isSame = (a: readonly DnsFlaw[], b: readonly DnsFlaw[]): boolean => text(a) === text(b);
const text = (flaws: readonly DnsFlaw[]): string =>
  flaws
    .map(({ kind, subject, message }) => `${kind} ${subject} ${message}`)
    .toSorted()
    .join('\n');

/** What of all that was seen is under one cluster's name, or carries its reference. */
function sortedOut(
  { records, checks }: SeenDns,
  zoneName: string,
): (clusterName: string, clusterId: string) => SeenDns {
  const byName = Map.groupBy(records, ({ name }) =>
    name
      .slice(0, -zoneName.length - 1)
      .split('.')
      .at(-1),
  );
  const byReference = Map.groupBy(checks, ({ callerReference }) => callerReference.split('/')[0]);
  return (clusterName, clusterId) => ({
    records: byName.get(clusterName) ?? [],
    checks: byReference.get(clusterId) ?? [],
  });
}
