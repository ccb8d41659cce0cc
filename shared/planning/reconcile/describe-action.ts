import type { Action } from './view.ts';

/** An action in words for people: what would be done, and why. */
export const describeAction = (action: Action): { readonly action: string; readonly because: string } => ({
  action: inWords(action),
  because: action.because,
});

function inWords(action: Action): string {
  switch (action.kind) {
    case 'say':
      return {
        NodesPlanned: () => 'make the planned nodes',
        NodeRequested: (number: number) => `build node ${number}`,
        NodeRetirementRequested: (number: number) => `retire node ${number}`,
      }[action.event]('number' in action ? action.number : 0);
    case 'say-with-backoff':
      return action.event === 'DriftFound' ? 'repair the cluster' : 'delete the cluster';
    case 'replace':
      return `replace ${action.numbers.map((number) => `node ${number}`).join(', ')}`;
    case 'plan-followers':
      return `plan ${action.restore.followers?.length ?? 0} control planes more`;
    case 'end-restore':
      return action.failure === undefined ? 'end the restore' : 'give the restore up';
    case 'upgrade':
      return action.says?.event === 'NodeUpgradeBegun'
        ? `have control plane ${action.says.number} upgraded to Kubernetes ${action.next.to}`
        : `go on with the upgrade to Kubernetes ${action.next.to}`;
    case 'mend-mesh':
      return 'put the mesh right';
    case 'plan':
      return `buy ${action.nodes.map(({ offering }) => `${offering.instanceType} in ${offering.cloud} (${offering.lifecycle})`).join(', ')}`;
    case 'retire':
      return `retire node ${action.number}`;
    default:
      return `see whether ${action.number === undefined ? 'the cluster’s' : `node ${action.number}’s`} run still lives`;
  }
}
