import { fitsTerm, selects } from '../selectors.ts';
import type { Node, Pod } from '../shapes.ts';

/** What a pod demands of its node by label or name: the selector and the required affinity. */
export function wantsNode({ spec: { nodeSelector, affinity } }: Pod, node: Node): boolean {
  if (nodeSelector !== undefined && !selects({ matchLabels: nodeSelector }, node.metadata.labels))
    return false;
  const demanded = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  // Terms are alternatives; none at all fits nothing.
  return demanded === undefined || (demanded.nodeSelectorTerms ?? []).some((term) => fitsTerm(node, term));
}

export const nodePreference = ({ spec }: Pod, node: Node): number =>
  (spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).reduce(
    (sum, { weight, preference }) => sum + (fitsTerm(node, preference) ? weight : 0),
    0,
  );
