import type { Owner } from '../../domain/cloud.ts';
import type { ExpectedMachine, Flaw } from '../contract.ts';
import {
  attemptTag,
  clusterTag,
  installationTag,
  isMachinesOwnTag,
  isOthersMachine,
  isRoleOrNodeTag,
  namesOwner,
  nodeTag,
  roleTag,
} from './naming.ts';
import type * as wire from './wire.ts';

/**
 * The very machine that is expected, with or without its tags: by id, VPC and name, or whatever name people gave it while it
 * still says its node; and nobody else's.
 */
export const isVery = (
  droplet: wire.Droplet,
  machine: ExpectedMachine,
  at: { readonly owner: Owner; readonly vpcId: string | undefined },
): boolean =>
  String(droplet.id) === machine.providerId &&
  (droplet.name === machine.name || droplet.tags.includes(nodeTag(machine.nodeId))) &&
  at.vpcId !== undefined &&
  droplet.vpc_uuid === at.vpcId &&
  !isOthersMachine(at.owner, droplet.tags);

export interface TagDifference {
  readonly tag: string;
  readonly isThere: boolean;
  readonly message: string;
}

/**
 * What `repairMachine` would do. Tags that people added are theirs, but for those that let a firewall open the machine. The
 * role's comes first: a droplet without a firewall is open to the world. The attempt's comes too: a create that is repeated
 * finds its machine by it.
 *
 * @param others the account's firewalls that open something and are not the owner's.
 */
export function tagDifferences(
  { tags }: wire.Droplet,
  machine: ExpectedMachine,
  owner: Owner,
  others: readonly wire.Firewall[],
): readonly TagDifference[] {
  const role = roleTag(owner, machine.role);
  const wanted = [
    role,
    installationTag(owner),
    clusterTag(owner),
    nodeTag(machine.nodeId),
    attemptTag(machine.token),
  ];
  const isPeoples = (tag: string): boolean => !namesOwner(owner, tag) && !isMachinesOwnTag(tag);
  return [
    ...wanted
      .filter((tag) => !tags.includes(tag))
      .map((tag) => ({
        tag,
        isThere: false,
        message: `tag ${tag} was removed${tag === role ? ': its firewall does not hold for it' : ''}`,
      })),
    ...tags
      .filter((tag) => !wanted.includes(tag))
      .flatMap((tag) => {
        if (isRoleOrNodeTag(tag))
          return [{ tag, isThere: true, message: `tag ${tag} was added by hand, and is not its own` }];
        const opening = others.find((firewall) => firewall.tags?.includes(tag) === true);
        return opening === undefined || !isPeoples(tag)
          ? []
          : [
              {
                tag,
                isThere: true,
                message: `tag ${tag} was added by hand: firewall ${opening.name} opens it`,
              },
            ];
      }),
  ];
}

export const machineFlaws = (
  machine: ExpectedMachine,
  differences: readonly TagDifference[],
): readonly Flaw[] =>
  differences.map(({ tag, isThere, message }) => ({
    of: 'machine',
    subject: `tag:${isThere ? 'surplus' : 'missing'}:${tag}`,
    message: `machine ${machine.name}: ${message}`,
    providerId: machine.providerId,
  }));
