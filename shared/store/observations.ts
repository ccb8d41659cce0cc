import type { Finding } from '../domain/finding.ts';
import type { ClusterId } from '../domain/ids.ts';
import type { Sighting } from '../domain/observation.ts';
import { keys, prefixes } from './keys.ts';
import type { ObservationStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

const sameBut = (a: Finding, b: Finding): boolean =>
  a.kind === b.kind &&
  a.subject === b.subject &&
  a.message === b.message &&
  a.remedy === b.remedy &&
  a.unconfirmedSince === b.unconfirmedSince;

/** Writes end in any order; what is told of them has one. */
const byKey = (a: Finding, b: Finding): number => {
  const [left, right] = [a, b].map(({ cloud = '', fingerprint }) => `${cloud}#${fingerprint}`);
  return (left ?? '') < (right ?? '') ? -1 : 1;
};

export function observationStore(table: Table): ObservationStore {
  const findings = async (clusterId: ClusterId): Promise<readonly Finding[]> =>
    (await table.children(keys.cluster(clusterId).pk, prefixes.finding)).map((item) =>
      entityOf<Finding>(item),
    );
  return {
    async put(cloud, observation, at) {
      // Sweeps may overtake one another: what was seen later stays, and the refusal is no error.
      await table.put(
        keys.observation(observation.clusterId, cloud),
        { cloud, observation, at },
        { when: 'attribute_not_exists(#pk) OR #at <= :at', values: { at } },
      );
    },

    list: async (clusterId) =>
      (await table.children(keys.cluster(clusterId).pk, prefixes.observation)).map((item) =>
        entityOf<Sighting>(item),
      ),

    async replaceFindings(clusterId, wanted) {
      const keyOf = (finding: Finding) => keys.finding(clusterId, finding.cloud, finding.fingerprint);
      const stored = new Map((await findings(clusterId)).map((finding) => [keyOf(finding).sk, finding]));
      const opened: Finding[] = [];
      const closed: Finding[] = [];
      await Promise.all(
        wanted.map(async (finding) => {
          const key = keyOf(finding);
          const earlier = stored.get(key.sk);
          stored.delete(key.sk);
          if (earlier === undefined) {
            // Whoever finds the same at this moment tells it once: the one whose write came first.
            if (await table.put(key, { ...finding }, { when: 'attribute_not_exists(#pk)' }))
              opened.push(finding);
          } else if (!sameBut(earlier, finding)) await table.put(key, { ...finding, seenAt: earlier.seenAt });
        }),
      );
      // What is left was stored and is not wanted any more.
      await Promise.all(
        [...stored.values()].map(async (finding) => {
          if (await table.remove(keyOf(finding), { when: 'attribute_exists(#pk)' })) closed.push(finding);
        }),
      );
      return { opened: opened.toSorted(byKey), closed: closed.toSorted(byKey) };
    },

    findings,
  };
}
