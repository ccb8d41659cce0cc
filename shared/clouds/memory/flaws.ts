import type { Owner } from '../../domain/cloud.ts';
import type { FirewallRule, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { ExpectedMachine, Flaw } from '../contract.ts';
import type { MemoryMachine, MemoryNetwork, MemoryWorld } from './world.ts';

/** One difference, and the one change that mends it: what is found and what is mended cannot drift apart. */
export interface Difference {
  readonly flaw: Flaw;
  readonly mend: () => void;
}

export const roles: readonly NodeRole[] = ['control-plane', 'worker'];

export const sameOwner = (one: Owner | undefined, other: Owner): boolean =>
  one?.installation === other.installation && one.clusterId === other.clusterId;

const nameOf = ({ protocol, fromPort, toPort, source }: FirewallRule): string =>
  `${protocol}:${fromPort}-${toPort}:${source.kind}`;

/** What `ensureNetwork` would change in a network that is there. */
export function networkDifferences(
  world: MemoryWorld,
  network: MemoryNetwork,
  spec: NetworkSpec,
): readonly Difference[] {
  const flaw = (subject: string, message: string): Flaw => ({ of: 'network', subject, message });
  const parts = (['subnet', 'route'] as const)
    .filter((part) => network.missing.includes(part))
    .map((part) => ({
      flaw: flaw(`${part}:missing`, `the ${part} is missing`),
      mend: () => world.restorePart(network.id, part),
    }));
  const firewalls = roles.flatMap((role): readonly Difference[] => {
    const [has, wanted] = [network.firewall[role], spec.firewall[role]];
    if (network.missing.includes(role))
      return [
        {
          flaw: flaw(`firewall:${role}:missing`, `the ${role} firewall is missing`),
          mend: () => {
            world.restorePart(network.id, role);
            world.changeFirewall(network.id, role, wanted);
          },
        },
      ];
    const isIn = (rules: readonly FirewallRule[], rule: FirewallRule): boolean =>
      rules.some((other) => nameOf(other) === nameOf(rule));
    const now = (): readonly FirewallRule[] =>
      world.networks().find(({ id }) => id === network.id)?.firewall[role] ?? [];
    return [
      ...wanted
        .filter((rule) => !isIn(has, rule))
        .map((rule) => ({
          flaw: flaw(
            `firewall:${role}:missing-rule:${nameOf(rule)}`,
            `${role} firewall: the rule for ${rule.purpose} is missing`,
          ),
          mend: () => world.changeFirewall(network.id, role, [...now(), rule]),
        })),
      ...has
        .filter((rule) => !isIn(wanted, rule))
        .map((rule) => ({
          flaw: flaw(
            `firewall:${role}:surplus-rule:${nameOf(rule)}`,
            `${role} firewall: ${nameOf(rule)} was added by hand`,
          ),
          mend: () =>
            world.changeFirewall(
              network.id,
              role,
              now().filter((other) => nameOf(other) !== nameOf(rule)),
            ),
        })),
    ];
  });
  return [...parts, ...firewalls];
}

/** It is the machine that is expected: also when it lost its tags, never when it carries another owner's. */
export const fits = (
  machine: MemoryMachine,
  expected: ExpectedMachine,
  owner: Owner,
  network: string | undefined,
): boolean =>
  machine.providerId === expected.providerId &&
  machine.name === expected.name &&
  machine.networkId === network &&
  (machine.tags === undefined || sameOwner(machine.tags.owner, owner));

/** What `repairMachine` would change of a machine that fits. */
export function machineDifferences(
  world: MemoryWorld,
  machine: MemoryMachine,
  expected: ExpectedMachine,
  owner: Owner,
): readonly Difference[] {
  const { providerId, name, tags } = machine;
  const { nodeId, role } = expected;
  const differences: Difference[] = [];
  if (tags?.nodeId !== nodeId || tags.role !== role)
    differences.push({
      flaw: { of: 'machine', subject: 'tags', message: `${name}: its tags were changed`, providerId },
      mend: () => world.changeMachine(providerId, { tags: { owner, nodeId, role } }),
    });
  if (machine.firewall !== role)
    differences.push({
      flaw: {
        of: 'machine',
        subject: 'firewall',
        message: `${name}: not in the ${role} firewall`,
        providerId,
      },
      mend: () => world.changeMachine(providerId, { firewall: role }),
    });
  return differences;
}
