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
