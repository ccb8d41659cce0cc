import type { Owner } from '../../domain/cloud.ts';
import type { ExpectedMachine, Flaw } from '../contract.ts';
import { compared, lastOf } from './lists.ts';
import type { IInstance } from './machine-view.ts';
import { labelKeys, ownerLabels, roleTags, type Labels } from './names.ts';

export const isIn = (instance: IInstance, networkName: string): boolean =>
  (instance.networkInterfaces ?? []).some((nic) => lastOf(nic.network) === networkName);

/** Says by either of its marks that it is somebody else's. */
const isAnothers = (labels: Labels | null | undefined, owner: Owner): boolean =>
  Object.entries(ownerLabels(owner)).some(([key, value]) => (labels?.[key] ?? value) !== value);

/** The very machine that is expected, with or without its labels: by name, zone and network, and nobody else's. */
export const isVery = (
  instance: IInstance,
  machine: ExpectedMachine,
  where: { readonly owner: Owner; readonly networkName: string },
): boolean =>
  instance.name === machine.providerId &&
  instance.name === machine.name &&
  lastOf(instance.zone) === machine.location.zone &&
  isIn(instance, where.networkName) &&
  !isAnothers(instance.labels, where.owner);

/** Among those expected the one that this instance is. Its node's label decides where a name was given twice. */
export function expectationOf(
  instance: IInstance,
  expected: readonly ExpectedMachine[],
  where: { readonly owner: Owner; readonly networkName: string },
): ExpectedMachine | undefined {
  const fitting = expected.filter((machine) => isVery(instance, machine, where));
  return (
    fitting.find(({ nodeId }) => instance.labels?.[labelKeys.nodeId] === nodeId) ?? fitting.find(() => true)
  );
}

/** The labels that make it its owner's, its node's and its attempt's: a create that is repeated asks for that one. */
export const wantedLabels = (machine: ExpectedMachine, owner: Owner): Labels => ({
  ...ownerLabels(owner),
  [labelKeys.nodeId]: machine.nodeId,
  [labelKeys.request]: machine.token,
});

/** Its role's alone: firewalls aim at these tags. */
export const wantedTags = (machine: ExpectedMachine): readonly string[] => [roleTags[machine.role]];

/** Labels that people added are theirs; network tags are not, since they open doors. */
export function machineFlaws(instance: IInstance, machine: ExpectedMachine, owner: Owner): readonly Flaw[] {
  const flaw = (subject: string, message: string): Flaw => ({
    of: 'machine',
    subject,
    message: `machine ${machine.name}: ${message}`,
    providerId: machine.providerId,
  });
  const labels = Object.entries(wantedLabels(machine, owner)).flatMap(([key, value]) => {
    const has = instance.labels?.[key];
    if (has === value) return [];
    return has === undefined
      ? [flaw(`label:missing:${key}`, `label ${key} was removed`)]
      : [flaw(`label:changed:${key}`, `label ${key} was changed`)];
  });
  const { missing, surplus } = compared(instance.tags?.items ?? [], wantedTags(machine));
  return [
    ...labels,
    ...missing.map((tag) =>
      flaw(`network-tag:missing:${tag}`, `network tag ${tag} was removed: its firewall does not hold for it`),
    ),
    ...surplus.map((tag) => flaw(`network-tag:surplus:${tag}`, `network tag ${tag} was added by hand`)),
  ];
}

export const hasLostLabels = (instance: IInstance, machine: ExpectedMachine, owner: Owner): boolean =>
  Object.entries(wantedLabels(machine, owner)).some(([key, value]) => instance.labels?.[key] !== value);
