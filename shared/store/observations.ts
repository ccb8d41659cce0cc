import type { Finding } from '../domain/finding.ts';
import type { ClusterId } from '../domain/ids.ts';
import type { Sighting } from '../domain/observation.ts';
import { keys, prefixes } from './keys.ts';
import type { ObservationStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

const sameBut = (a: Finding, b: Finding): boolean =>
  a.kind === b.kind && a.subject === b.subject && a.message === b.message && a.remedy === b.remedy;

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
      await Promise.all(
        wanted.map(async (finding) => {
          const key = keyOf(finding);
          const earlier = stored.get(key.sk);
          stored.delete(key.sk);
          if (earlier !== undefined && sameBut(earlier, finding)) return;
          await table.put(key, { ...finding, seenAt: earlier?.seenAt ?? finding.seenAt });
        }),
      );
      // What is left was stored and is not wanted any more.
      await Promise.all([...stored.values()].map(async (finding) => table.remove(keyOf(finding))));
    },

    findings,
  };
}
