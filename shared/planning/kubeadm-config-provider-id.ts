import type { Node } from '../domain/node.ts';
import type { FilesRequest } from '../domain/node-protocol.ts';

/** What a machine is called in its cloud's own terms; its metadata service tells it all of this. */
export type MachineIdentity =
  | { readonly cloud: 'aws'; readonly zone: string; readonly instanceId: string }
  | { readonly cloud: 'gcp'; readonly project: string; readonly zone: string; readonly name: string }
  | {
      readonly cloud: 'azure';
      readonly subscriptionId: string;
      readonly resourceGroup: string;
      readonly name: string;
    }
  | { readonly cloud: 'digitalocean'; readonly dropletId: string };

/** The Node's spec.providerID, in the form of each cloud's own cloud provider. Azure's resource group is lower-case there. */
export function kubernetesProviderId(machine: MachineIdentity): string {
  if (machine.cloud === 'aws') return `aws:///${machine.zone}/${machine.instanceId}`;
  if (machine.cloud === 'gcp') return `gce://${machine.project}/${machine.zone}/${machine.name}`;
  if (machine.cloud === 'digitalocean') return `digitalocean://${machine.dropletId}`;
  const { subscriptionId, resourceGroup, name } = machine;
  return `azure:///subscriptions/${subscriptionId}/resourceGroups/${resourceGroup.toLowerCase()}/providers/Microsoft.Compute/virtualMachines/${name}`;
}

/**
 * From what the platform recorded of the machine and what the machine was told of its place. Undefined when it could not
 * tell: the Node then has none.
 */
export function providerIdOf(
  { cloud, offering, providerId }: Pick<Node, 'cloud' | 'offering'> & { readonly providerId: string },
  place: FilesRequest['place'] = {},
): string | undefined {
  const { project, subscriptionId, resourceGroup } = place;
  const { zone } = offering;
  if (cloud === 'aws') return kubernetesProviderId({ cloud, zone, instanceId: providerId });
  if (cloud === 'digitalocean') return kubernetesProviderId({ cloud, dropletId: providerId });
  if (cloud === 'gcp')
    return project === undefined
      ? undefined
      : kubernetesProviderId({ cloud, project, zone, name: providerId });
  return subscriptionId === undefined || resourceGroup === undefined
    ? undefined
    : kubernetesProviderId({ cloud, subscriptionId, resourceGroup, name: providerId });
}
