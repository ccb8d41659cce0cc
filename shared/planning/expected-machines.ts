import type { CloudName, Location } from '../domain/cloud.ts';
import type { Cluster } from '../domain/cluster.ts';
import type { NodeId } from '../domain/ids.ts';
import type { NodeRole } from '../domain/network.ts';
import { nodeName, type Node } from '../domain/node.ts';

/** A machine that was made and recorded, as the cloud contract's `ExpectedMachine` has it. */
export interface ExpectedMachine {
  readonly providerId: string;
  readonly nodeId: NodeId;
  /** Of the attempt that made it. */
  readonly token: string;
  readonly name: string;
  readonly role: NodeRole;
  readonly location: Location;
}

/** The idempotency key of one attempt at one node, as its create carried it. */
export type TokenOf = (nodeId: NodeId, attempt: number) => string;

/**
 * Which machines a cluster has in one cloud by its own records. Also those that are to go, or were given up, while nobody
 * is at it: one that lost its tags could never be taken away.
 */
export const expectedMachines = (
  cluster: Pick<Cluster, 'name'>,
  nodes: readonly Node[],
  cloud: CloudName,
  tokenOf: TokenOf,
): readonly ExpectedMachine[] =>
  nodes
    .filter((node) => node.cloud === cloud && isExpected(node))
    .flatMap(({ id, number, role, attempt, providerId, createRequest, offering }) => {
      const { region, zone } = createRequest?.offering ?? offering;
      return providerId === undefined
        ? []
        : [
            {
              providerId,
              nodeId: id,
              token: tokenOf(id, attempt),
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
