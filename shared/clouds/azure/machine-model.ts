import type { VirtualMachine } from '@azure/arm-compute';
import type { MachineRequest } from '../contract.ts';
import { invalidRequest } from './failures.ts';
import { machineTags } from './naming.ts';
import { partNames } from './network.ts';

/** The Network API that Azure makes interface and address with; Compute takes `2020-11-01` or this. */
const networkApiVersion = '2022-11-01';

/**
 * Azure wants a password or an SSH key for every Linux machine. This key opens nothing: its 32 bytes are SHA-256 of
 * `overcast: nobody holds this key 2` (the first count whose hash is a point on the curve), so that no private key to
 * it was ever made. Being constant, it also keeps repeated requests byte-identical.
 */
const keyNobodyHolds = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKDxKVDKTXZvlb32ZGVKuTpNopEPqP6odGO2rOkMpc+D';
export const adminName = 'overcast';

const imageSku = { amd64: 'server', arm64: 'server-arm64' } as const;

/** Names of what goes with the machine are the attempt's own: the former attempt's may linger. */
export const partNameOf = ({ name, token }: Pick<MachineRequest, 'name' | 'token'>): string =>
  `${name}-${token.slice(0, 8)}`;

/** The whole request for one machine: a pure function of the contract's request, so that a repeat is the same bytes. */
export function virtualMachine(request: MachineRequest): VirtualMachine {
  const { owner, nodeId, token, offering, network, role } = request;
  const tags = machineTags(owner, nodeId, token);
  const part = (name: string): { id: string } => {
    const id = network.parts[name];
    if (id === undefined) throw invalidRequest('NetworkIncomplete', `the network has no ${name}`);
    return { id };
  };
  const partName = partNameOf(request);
  return {
    location: offering.region,
    ...(offering.zone === '' ? {} : { zones: [offering.zone] }),
    tags,
    hardwareProfile: { vmSize: offering.instanceType },
    storageProfile: {
      imageReference: {
        publisher: 'Canonical',
        offer: 'ubuntu-24_04-lts',
        sku: imageSku[offering.architecture],
        version: 'latest',
      },
      osDisk: {
        name: partName,
        createOption: 'FromImage',
        deleteOption: 'Delete',
        diskSizeGB: request.diskGib,
        caching: 'ReadWrite',
        // Managed disks are encrypted at rest with the platform's keys without being asked.
        managedDisk: { storageAccountType: 'StandardSSD_LRS' },
      },
    },
    osProfile: {
      computerName: request.name,
      adminUsername: adminName,
      customData: Buffer.from(request.userData).toString('base64'),
      linuxConfiguration: {
        disablePasswordAuthentication: true,
        ssh: { publicKeys: [{ path: `/home/${adminName}/.ssh/authorized_keys`, keyData: keyNobodyHolds }] },
      },
    },
    networkProfile: {
      networkApiVersion,
      networkInterfaceConfigurations: [
        {
          name: partName,
          tags,
          primary: true,
          deleteOption: 'Delete',
          networkSecurityGroup: part(partNames.firewall[role]),
          ipConfigurations: [
            {
              name: 'primary',
              primary: true,
              subnet: part(partNames.subnet),
              publicIPAddressConfiguration: {
                name: partName,
                tags,
                deleteOption: 'Delete',
                sku: { name: 'Standard', tier: 'Regional' },
                publicIPAllocationMethod: 'Static',
              },
            },
          ],
        },
      ],
    },
    // Trusted launch is not to be had on every arm64 size.
    ...(offering.architecture === 'amd64'
      ? {
          securityProfile: {
            securityType: 'TrustedLaunch',
            uefiSettings: { secureBootEnabled: true, vTpmEnabled: true },
          },
        }
      : {}),
    ...(offering.lifecycle === 'spot'
      ? { priority: 'Spot', evictionPolicy: 'Delete', billingProfile: { maxPrice: -1 } }
      : {}),
  };
}
