import { isOver } from '../conditions.ts';
import type { Node, Pod } from '../shapes.ts';
import { amountsOf, hostPortsOf, requestsOfPod, type Amounts, type HostPort } from './requests.ts';

/** One node with what is on it. */
export interface Room {
  readonly node: Node;
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly hostPorts: readonly HostPort[];
  /** Leaving ones too: they hold their room to the end. */
  readonly pods: readonly Pod[];
}

/** The cluster as one pass of the scheduler sees it. */
export interface SchedulingState {
  /** By the node's name. */
  readonly rooms: ReadonlyMap<string, Room>;
  namespaceLabels(name: string): Readonly<Record<string, string>>;
}

const emptyRoom = (node: Node): Room => ({
  node,
  allocatable: amountsOf(node.status?.allocatable),
  requested: {},
  hostPorts: [],
  pods: [],
});

export function withPod(room: Room, pod: Pod): Room {
  const requested = { ...room.requested };
  for (const [resource, amount] of Object.entries(requestsOfPod(pod))) {
    requested[resource] = (requested[resource] ?? 0) + amount;
  }
  const ports = hostPortsOf(pod);
  return {
    ...room,
    requested,
    hostPorts: ports.length === 0 ? room.hostPorts : [...room.hostPorts, ...ports],
    pods: [...room.pods, pod],
  };
}

export interface SchedulingPass extends SchedulingState {
  /** From here on the pod is on that node. */
  place(pod: Pod, nodeName: string): void;
}

export function schedulingState(seen: {
  readonly nodes: readonly Node[];
  podsOn(nodeName: string): Iterable<Pod>;
  readonly namespaceLabels?: (name: string) => Readonly<Record<string, string>>;
}): SchedulingPass {
  const rooms = new Map<string, Room>();
  for (const node of seen.nodes) {
    let room = emptyRoom(node);
    for (const pod of seen.podsOn(node.metadata.name)) if (!isOver(pod)) room = withPod(room, pod);
    rooms.set(node.metadata.name, room);
  }
  return {
    rooms,
    namespaceLabels: seen.namespaceLabels ?? (() => ({})),
    place: (pod, nodeName) => {
      const room = rooms.get(nodeName);
      if (room !== undefined) rooms.set(nodeName, withPod(room, pod));
    },
  };
}
