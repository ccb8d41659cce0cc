import type { Offering } from '../../shared/domain/offering.ts';
import type { LabelRequirement, Labels, LabelSelector, Pod, Taint } from '../../shared/domain/pod.ts';
import { labelsOnceJoined, taintsOf } from '../../shared/planning/node-labels.ts';

/**
 * Kubernetes' rules for one pod and one node, written down a second time: what checks the solver must not share its mistakes.
 */
function isMet(labels: Labels, requirement: LabelRequirement): boolean {
  const has = Object.hasOwn(labels, requirement.key);
  const value = labels[requirement.key] ?? '';
  const values = requirement.values ?? [];
  if (requirement.operator === 'Exists') return has;
  if (requirement.operator === 'DoesNotExist') return !has;
  if (requirement.operator === 'In') return has && values.includes(value);
  if (requirement.operator === 'NotIn') return !has || !values.includes(value);
  const [bound = ''] = values;
  if (!has || !/^[+-]?\d+$/.test(value) || !/^[+-]?\d+$/.test(bound)) return false;
  const difference = Number.parseInt(value, 10) - Number.parseInt(bound, 10);
  return requirement.operator === 'Gt' ? difference > 0 : difference < 0;
}

export const isSelected = (selector: LabelSelector, { labels = {} }: Pick<Pod, 'labels'>): boolean =>
  !selector.some((requirement) => !isMet(labels, requirement));

export function hasLabelsFor(pod: Pod, labels: Labels): boolean {
  for (const [key, value] of Object.entries(pod.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const terms = pod.nodeAffinity?.required;
  if (terms === undefined) return true;
  return terms.some((term) => term.length > 0 && !term.some((requirement) => !isMet(labels, requirement)));
}

export function toleratesAll(pod: Pod, taints: readonly Taint[]): boolean {
  return taints.every((taint) => {
    if (taint.effect === 'PreferNoSchedule') return true;
    return (pod.tolerations ?? []).some((toleration) => {
      if (toleration.effect !== undefined && toleration.effect !== taint.effect) return false;
      if (toleration.key === undefined) return toleration.operator === 'Exists';
      if (toleration.key !== taint.key) return false;
      return toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '');
    });
  });
}

export const mayRunOn = (pod: Pod, offering: Offering): boolean =>
  hasLabelsFor(pod, labelsOnceJoined(offering)) && toleratesAll(pod, taintsOf(offering));
