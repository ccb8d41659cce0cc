import { secondsBetween } from '../../domain/ids.ts';
import { eventGraceSeconds, withBackoff, type Strategy } from './view.ts';

export const deleteCluster: Strategy = {
  name: 'deletion',
  reason: 'a cluster that is asked to go is gone, and nothing else is done for it',
  decide: ({ cluster, now }) => {
    const { deletionRequestedAt, operation } = cluster;
    if (deletionRequestedAt === undefined || operation?.kind === 'CleanupCluster') return [];
    if (secondsBetween(deletionRequestedAt, now) < eventGraceSeconds) return [];
    return withBackoff(cluster, now, {
      event: 'ClusterDeletionRequested',
      fingerprint: `deletion:${deletionRequestedAt}`,
      because: `its deletion was asked for at ${deletionRequestedAt} and nothing is doing it`,
    });
  },
};
