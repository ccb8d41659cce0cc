import type { CloudName, Location } from '../domain/cloud.ts';
import type { Cluster } from '../domain/cluster.ts';
import type { NodeId } from '../domain/ids.ts';
import type { NodeRole } from '../domain/network.ts';
import { nodeName, type Node } from '../domain/node.ts';

/** A machine that was made and recorded, as the cloud contract's `ExpectedMachine` has it. */
export interface ExpectedMachine {
  readonly providerId: string;
  readonly nodeId: NodeId;
  readonly name: string;
  readonly role: NodeRole;
  readonly location: Location;
}

/**
 * Which machines a cluster has in one cloud by its own records. Also those that are to go, or were given up, while nobody
 * is at it: one that lost its tags could never be taken away.
 */
export const expectedMachines = (
  cluster: Pick<Cluster, 'name'>,
  nodes: readonly Node[],
  cloud: CloudName,
): readonly ExpectedMachine[] =>
  nodes
    .filter((node) => node.cloud === cloud && isExpected(node))
    .flatMap(({ id, number, role, providerId, createRequest, offering }) => {
      const { region, zone } = createRequest?.offering ?? offering;
      return providerId === undefined
        ? []
        : [
            {
              providerId,
              nodeId: id,
              name: nodeName(cluster.name, number),
              role,
              location: { region, zone },
            },
          ];
    });

const isExpected = ({ desired, phase, failure, operation }: Node): boolean => {
  const isGoing = desired === 'absent' || phase === 'failed' || failure !== undefined;
  return phase !== 'deleted' && !(isGoing && operation !== undefined);
};
