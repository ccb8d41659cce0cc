import type { Upgrade } from '../../domain/upgrade.ts';
import { planUpgrade } from '../plan-upgrade.ts';
import { isUpgrading } from '../upgrading.ts';
import { isGoing, type Action, type Strategy, type View } from './view.ts';

export const upgradeCluster: Strategy = {
  name: 'upgrade',
  reason: 'a roll-out goes on one node after another, and each step is decided by what is then there',
  decide: (view) => {
    const { cluster } = view;
    return isGoing(cluster) || !isUpgrading(cluster) ? [] : actionsFor(view, cluster.upgrade);
  },
};

function actionsFor(view: View, upgrade: Upgrade): readonly Action[] {
  const { now } = view;
  const planned = planUpgrade(view);
  const { step: _, ...stepless } = upgrade;
  const write = (
    next: Omit<Upgrade, 'revision'>,
    because: string,
    rest: Partial<Extract<Action, { kind: 'upgrade' }>> = {},
  ): readonly Action[] => [
    { kind: 'upgrade', read: upgrade, next: { ...next, revision: upgrade.revision + 1 }, because, ...rest },
  ];
  switch (planned?.verdict) {
    case 'want-snapshot':
      return write(upgrade, 'etcd’s data are put away first', { snapshotDueAt: now });
    case 'step': {
      const { number } = planned.holder;
      return write(
        { ...upgrade, step: { ...planned.holder, since: now } },
        `control plane ${number} is the next to be of Kubernetes ${upgrade.to}`,
        { says: { event: 'NodeUpgradeBegun', number } },
      );
    }
    case 'drop-step':
      return write(stepless, planned.because);
    case 'stop':
      return write(
        { ...stepless, stopped: { at: now, number: planned.number, reason: planned.reason } },
        `node ${planned.number}: ${planned.reason}`,
      );
    case 'control-planes-done':
      return write(
        { ...upgrade, controlPlanesAt: now },
        `every control plane is of Kubernetes ${upgrade.to}: from now on new machines are so too`,
        { kubernetesVersion: upgrade.to },
      );
    case 'replace':
      return [
        {
          kind: 'replace',
          numbers: [planned.number],
          because: `node ${planned.number} is of Kubernetes ${upgrade.from}`,
          letGo: false,
        },
      ];
    case 'retire':
      return [{ kind: 'retire', number: planned.number, because: planned.because, isLost: false }];
    case 'finish':
      return write({ ...upgrade, finishedAt: now }, `every node is of Kubernetes ${upgrade.to}`, {
        says: { event: 'UpgradeFinished' },
      });
    default:
      return [];
  }
}
