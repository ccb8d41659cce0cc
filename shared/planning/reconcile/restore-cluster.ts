import { formerControlPlanes, isRestoreOver, isRestoring, whyNotRestored } from '../restoring.ts';
import { isGoing, type Action, type Strategy } from './view.ts';

export const restoreCluster: Strategy = {
  name: 'restore',
  reason:
    'what is left of a lost etcd goes before another begins, and the cluster is as large as it was again',
  decide: ({ cluster, nodes }) => {
    const { restore } = cluster;
    if (isGoing(cluster) || restore === undefined) return [];
    if (isRestoring(cluster)) {
      const failure = whyNotRestored(cluster, nodes);
      if (failure !== undefined) return [{ kind: 'end-restore', restore, failure, because: failure }];
      return formerControlPlanes(restore, nodes)
        .filter(({ desired }) => desired === 'present')
        .map(({ number }): Action => ({
          kind: 'retire',
          number,
          isLost: false,
          because: `the cluster is restored from snapshot ${restore.snapshot}, and two etcds must never serve it`,
        }));
    }
    if (restore.failure !== undefined || restore.finishedAt !== undefined) return [];
    if (restore.followers !== undefined)
      return cluster.pendingPlan === undefined
        ? [
            {
              kind: 'plan-followers',
              restore,
              because: `control plane ${restore.number} serves, and ${restore.followers.length} more were there before`,
            },
          ]
        : [];
    return isRestoreOver(cluster, nodes)
      ? [{ kind: 'end-restore', restore, because: 'every control plane is there again' }]
      : [];
  },
};
