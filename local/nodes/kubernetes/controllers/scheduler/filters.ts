import { untolerated } from '../selectors.ts';
import type { Pod } from '../shapes.ts';
import { wantsNode } from './node-affinity.ts';
import { askPodAffinity, type AffinityQuestion } from './pod-affinity.ts';
import { hostPortsOf, portsCollide, requestsOfPod, type Amounts, type HostPort } from './requests.ts';
import type { Room, SchedulingState } from './scheduling-state.ts';
import { askTopologySpread, type SpreadQuestion } from './topology-spread.ts';

/** One pod, with what has to be known of the whole cluster to place it. */
export interface Question {
  readonly pod: Pod;
  readonly requests: Amounts;
  readonly hostPorts: readonly HostPort[];
  readonly affinity: AffinityQuestion;
  readonly spread: SpreadQuestion;
}

export const askAbout = (state: SchedulingState, pod: Pod): Question => ({
  pod,
  requests: requestsOfPod(pod),
  hostPorts: hostPortsOf(pod),
  affinity: askPodAffinity(state, pod),
  spread: askTopologySpread(state, pod),
});

export interface Objection {
  /** As Kubernetes words it: all nodes with the same are counted together. */
  readonly reasons: readonly string[];
  /** Room made by taking other pods away would help. */
  readonly curable: boolean;
}

type Filter = (room: Room, question: Question) => Objection | undefined;

const never = (reason: string): Objection => ({ reasons: [reason], curable: false });
const curable = (...reasons: readonly string[]): Objection => ({ reasons, curable: true });

const unschedulable: Filter = ({ node }, { pod }) => {
  if (node.spec?.unschedulable !== true) return undefined;
  const cordon = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  return untolerated([cordon], pod.spec.tolerations, ['NoSchedule']) === undefined
    ? undefined
    : never('node(s) were unschedulable');
};

const taints: Filter = ({ node }, { pod }) => {
  const taint = untolerated(node.spec?.taints, pod.spec.tolerations, ['NoSchedule', 'NoExecute']);
  return taint === undefined
    ? undefined
    : never(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
};

const nodeAffinity: Filter = ({ node }, { pod }) =>
  wantsNode(pod, node) ? undefined : never("node(s) didn't match Pod's node affinity/selector");

const hostPorts: Filter = (room, { hostPorts }) =>
  hostPorts.some((port) => room.hostPorts.some((taken) => portsCollide(port, taken)))
    ? curable("node(s) didn't have free ports for the requested pod ports")
    : undefined;

const resources: Filter = ({ allocatable, requested }, { requests }) => {
  const short = Object.entries(requests)
    .filter(
      ([resource, amount]) =>
        amount > 0 && amount + (requested[resource] ?? 0) > (allocatable[resource] ?? 0),
    )
    .map(([resource]) => (resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`));
  return short.length === 0 ? undefined : curable(...short);
};

const topologySpread: Filter = ({ node }, { spread }) => {
  const reason = spread.objection(node);
  return reason === undefined ? undefined : curable(reason);
};

const podAffinity: Filter = ({ node }, { affinity }) => {
  const reason = affinity.objection(node);
  return reason === undefined ? undefined : curable(reason);
};

/** In the order of the real scheduler: the first that objects gives the node's reason. */
const filters: readonly Filter[] = [
  unschedulable,
  taints,
  nodeAffinity,
  hostPorts,
  resources,
  topologySpread,
  podAffinity,
];

export function objectionTo(room: Room, question: Question): Objection | undefined {
  for (const filter of filters) {
    const objection = filter(room, question);
    if (objection !== undefined) return objection;
  }
  return undefined;
}

/** Why the pod cannot be on that node as things are; empty: it can. A pure function of what it is given. */
export function fits(nodeName: string, pod: Pod, state: SchedulingState): readonly string[] {
  const room = state.rooms.get(nodeName);
  if (room === undefined) return ['node not found'];
  return objectionTo(room, askAbout(state, pod))?.reasons ?? [];
}
