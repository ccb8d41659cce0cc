import type { CloudName } from '../domain/cloud.ts';
import type { Cluster } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import type { Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { SeenCluster, SeenResource } from '../domain/observation.ts';
import { expectedMachines, type ExpectedMachine, type TokenOf } from './expected-machines.ts';
import {
  isDueStray,
  isStrayMachine,
  isSurplusMachine,
  strayMachineFingerprint,
  strayResourceFingerprint,
  strayResources,
} from './find-strays.ts';

export interface Repairs {
  /** To be put right. */
  readonly machines: readonly ExpectedMachine[];
  /** To be removed: machines that no node accounts for (`kind` machine) and what is left over. */
  readonly removals: readonly SeenResource[];
}

/**
 * What to mend in one cloud once its network is right, from a fresh look and nodes that were read after it.
 *
 * A machine is put right whenever it differs, and a node's second machine goes. Everything else is removed only when the
 * sweeps found it long ago and it is still there, and nothing is being made or taken down that it may belong to: a mistake
 * here would cost somebody's disk.
 *
 * @param findings the stored ones of this cluster, with the time when each was first seen.
 */
export function planRepairs(options: {
  cluster: Pick<Cluster, 'name'>;
  cloud: CloudName;
  nodes: readonly Node[];
  observation: SeenCluster;
  findings: readonly Finding[];
  tokenOf: TokenOf;
  now: Instant;
}): Repairs {
  const { cluster, cloud, nodes, observation, now } = options;
  const due = new Set(
    options.findings
      .filter((finding) => finding.cloud === cloud && isDueStray(finding, now))
      .map(({ fingerprint }) => fingerprint),
  );
  const flawed = new Set(
    (observation.flaws ?? []).flatMap(({ of, providerId }) => (of === 'machine' ? [providerId] : [])),
  );
  return {
    machines: expectedMachines(cluster, nodes, cloud, options.tokenOf).filter(({ providerId }) =>
      flawed.has(providerId),
    ),
    removals: [
      ...observation.machines
        .filter(
          (machine) =>
            isSurplusMachine(machine, { cloud, nodes }) ||
            (isStrayMachine(machine, { cloud, nodes, now }) &&
              due.has(strayMachineFingerprint(machine.providerId))),
        )
        .map(({ providerId, name }) => ({ kind: 'machine', id: providerId, name })),
      ...strayResources(observation, cloud, nodes).filter((resource) =>
        due.has(strayResourceFingerprint(resource)),
      ),
    ],
  };
}

/** Whether anything of this cloud's findings is a repair's to mend: else nobody need look again. */
export const needsRepair = (findings: readonly Finding[], cloud: CloudName): boolean =>
  findings.some((finding) => finding.cloud === cloud && repairable.has(finding.kind));

const repairable: ReadonlySet<Finding['kind']> = new Set([
  'network-missing',
  'network-changed',
  'machine-changed',
  'surplus-machine',
  'stray-machine',
  'stray-resource',
]);
