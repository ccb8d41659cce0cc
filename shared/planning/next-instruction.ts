import type { Cluster } from '../domain/cluster.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Mesh } from '../domain/mesh.ts';
import { apiServerPort } from '../domain/network.ts';
import type { Instruction, SyncRequest } from '../domain/node-protocol.ts';
import type { Node } from '../domain/node.ts';

/** A control plane that was not heard of for longer need not acknowledge a newcomer: it may be dead. */
export const seenSecondsMax = 30;

export const syncSeconds = { bootstrap: 3, controlPlane: 5, worker: 60 } as const;

/** What the platform does before it can say more: one conditional write, after which it decides again. */
export type Need = { readonly write: 'claim-init' | 'lease-join'; readonly observedGone?: number };

export interface NextInstructionInput {
  readonly cluster: Cluster;
  readonly node: Node;
  /** Every node of the cluster; may be empty for a node that is ready and stays. */
  readonly nodes: readonly Node[];
  readonly mesh: Mesh;
  readonly sync: SyncRequest;
  readonly now: Instant;
}

export type Decision =
  | { readonly instruction: Instruction; readonly syncAfterSeconds: number }
  | { readonly need: Need };

/**
 * The node's machine is no longer there, or never will be: what it held may pass to another. Whoever holds something was
 * admitted, so a holder in `creating` has lost the machine that took it, and that one was seen gone before the next began.
 */
const isGone = (node: Node | undefined): boolean =>
  node === undefined || node.phase === 'deleted' || node.phase === 'failed' || node.phase === 'creating';

/**
 * Who may init, join, run or must leave: decided here and nowhere else.
 *
 * - Leaving comes first: a node that is to go, or whose cloud takes it back, hands over its work.
 * - init is given to the one control plane that holds the claim. The claim moves only while nothing is initialised and its
 *   holder is gone; after that nobody is ever told to init again.
 * - Control planes join one at a time (etcd takes one learner), workers any number, each once every control plane that was
 *   heard of lately, and at least one, has acknowledged the mesh version that added the newcomer.
 * - An instruction's id carries the attempt: the next machine of the same node begins anew, the same machine never does.
 */
export function nextInstruction(input: NextInstructionInput): Decision {
  const { cluster, node, nodes, sync } = input;
  const say = (kind: Instruction['kind'], rest: Partial<Instruction> = {}): Decision => ({
    instruction: { id: `${kind}-${node.number}-${node.attempt}`, kind, ...rest },
    syncAfterSeconds: sync.phase === 'ready' && kind === 'run' ? steadySeconds(node) : syncSeconds.bootstrap,
  });
  const wait = (reason: string): Decision => say('wait', { reason });

  const numbered = (number: number): Node | undefined => nodes.find((each) => each.number === number);

  const hasWork = sync.phase === 'joined' || sync.phase === 'ready' || sync.phase === 'leaving';
  if (sync.phase === 'left') return wait('the machine to be deleted');
  if (node.desired === 'absent') return hasWork ? say('leave') : wait('the machine to be deleted');
  if (sync.interruption?.kind === 'terminate' && hasWork) return say('leave');
  if (sync.phase === 'failed' || node.failure !== undefined) return wait('the machine to be replaced');
  if (sync.phase === 'joined' || sync.phase === 'ready') return say('run');
  if (cluster.vpn !== 'cloud-vpn' && !input.mesh.members.some((member) => member.number === node.number))
    return wait('its place in the mesh');

  if (cluster.initialisedAt === undefined) {
    if (node.role === 'worker') return wait('the first control plane');
    if (cluster.initNode === node.number) return say('init');
    if (cluster.initNode === undefined) return { need: { write: 'claim-init' } };
    return isGone(numbered(cluster.initNode))
      ? { need: { write: 'claim-init', observedGone: cluster.initNode } }
      : wait('the first control plane');
  }

  const acknowledged = acknowledgement(input);
  if (acknowledged.missing !== undefined) return wait(acknowledged.missing);
  const join = say('join', { endpoint: `${acknowledged.endpoint}:${apiServerPort}` });
  if (node.role === 'worker') return join;
  if (cluster.joinNode === node.number) return join;
  if (cluster.joinNode === undefined) return { need: { write: 'lease-join' } };
  const holder = numbered(cluster.joinNode);
  // One that joined and died before it could let go holds up nobody.
  return isGone(holder) || holder?.joinedAt !== undefined
    ? { need: { write: 'lease-join', observedGone: cluster.joinNode } }
    : wait(`control plane ${cluster.joinNode} to join`);
}

const steadySeconds = (node: Node): number =>
  node.role === 'control-plane' ? syncSeconds.controlPlane : syncSeconds.worker;

/** Which control plane to join at, once all that count know the way to the newcomer; else what is missing. */
function acknowledgement(
  input: NextInstructionInput,
):
  | { readonly missing: string; readonly endpoint?: never }
  | { readonly missing?: never; readonly endpoint: string } {
  const { mesh, node, nodes, sync, now } = input;
  const since = mesh.members.find((member) => member.number === node.number)?.sinceVersion ?? 0;
  const serving = nodes
    .filter(
      (each) => each.role === 'control-plane' && each.desired === 'present' && each.number !== node.number,
    )
    .filter((each) => each.joinedAt !== undefined && each.failure === undefined)
    .filter((each) => each.lastSeenAt !== undefined && secondsBetween(each.lastSeenAt, now) <= seenSecondsMax)
    .toSorted((a, b) => a.number - b.number);
  const [first] = serving;
  if (first === undefined) return { missing: 'a control plane that answers' };
  const behind = serving.find((each) => (each.meshVersion ?? 0) < since);
  if (behind !== undefined) return { missing: `control plane ${behind.number} to learn the way here` };
  if (sync.meshVersion < since) return { missing: 'its own peers' };
  return { endpoint: first.overlayAddress };
}
