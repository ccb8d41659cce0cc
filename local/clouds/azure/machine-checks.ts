import { instanceType, type SimulatedType } from '../catalogue.ts';
import { ArmError } from './arm.ts';
import type { Body, NicConfiguration, VmProperties } from './bodies.ts';

const invalid = (target: string, message: string, code = 'InvalidParameter'): ArmError =>
  new ArmError(400, code, `${message} (target: ${target})`);

const missing = (target: string): ArmError =>
  invalid(target, `Required parameter '${target}' is missing (null).`);

const images: Readonly<Record<string, 'amd64' | 'arm64'>> = {
  'canonical/ubuntu-24_04-lts/server': 'amd64',
  'canonical/ubuntu-24_04-lts/minimal': 'amd64',
  'canonical/ubuntu-24_04-lts/server-arm64': 'arm64',
};
const storageTypes = new Set([
  'Standard_LRS',
  'StandardSSD_LRS',
  'StandardSSD_ZRS',
  'Premium_LRS',
  'Premium_ZRS',
]);
const networkApiVersions = ['2020-11-01', '2022-11-01'];
const forbiddenAdmins = new Set(['admin', 'administrator', 'root', 'user', 'guest', 'test']);
/** Regions of the catalogue's map that have no zones. */
const zoneless = new Set(['westus']);
const customDataBytesMax = 65_535;
const diskGibMin = 30;

/** Everything that Azure checks of a new machine's own fields, in about its order. @returns its size. */
export function checkMachine(body: Body<VmProperties>): SimulatedType {
  const { location, zones = [], properties = {} } = body;
  if (location === undefined || location === '')
    throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.');
  if (zones.length > 1 || zones.some((zone) => !['1', '2', '3'].includes(zone)))
    throw invalid('zones', `The zone(s) '${zones.join()}' are not valid.`);
  if (zones.length > 0 && zoneless.has(location))
    throw new ArmError(
      400,
      'LocationNotSupportAvailabilityZones',
      `The location '${location}' does not support availability zones.`,
    );
  const size = properties.hardwareProfile?.vmSize;
  if (size === undefined) throw missing('hardwareProfile.vmSize');
  const type = instanceType('azure', size);
  if (type === undefined) throw invalid('vmSize', `The value ${size} provided for the VM size is not valid.`);
  checkStorage(properties, type);
  checkSystem(properties);
  checkLife(properties, type);
  checkNetworkProfile(properties);
  return type;
}

function checkStorage({ storageProfile }: VmProperties, type: SimulatedType): void {
  const { imageReference: image, osDisk } = storageProfile ?? {};
  if (image === undefined) throw missing('imageReference');
  for (const part of ['publisher', 'offer', 'sku', 'version'] as const)
    if (image[part] === undefined) throw missing(`imageReference.${part}`);
  const built = images[`${image.publisher ?? ''}/${image.offer ?? ''}/${image.sku ?? ''}`.toLowerCase()];
  if (built === undefined || image.version !== 'latest')
    throw new ArmError(
      404,
      'PlatformImageNotFound',
      `The platform image '${image.publisher ?? ''}:${image.offer ?? ''}:${image.sku ?? ''}:${image.version ?? ''}' is not available. Verify that all fields in the storage profile are correct.`,
    );
  if (built !== type.architecture)
    throw new ArmError(
      400,
      'BadRequest',
      `Cannot create a VM of size '${type.name}' because this VM size only supports a CPU Architecture of '${type.architecture}', but an image or disk with CPU Architecture '${built}' was given.`,
    );
  if (osDisk?.createOption === undefined) throw missing('osDisk.createOption');
  if (osDisk.createOption !== 'FromImage')
    throw invalid('osDisk.createOption', `CreateOption ${osDisk.createOption} does not go with an image.`);
  if (osDisk.diskSizeGB !== undefined && osDisk.diskSizeGB < diskGibMin)
    throw new ArmError(
      400,
      'ResizeDiskError',
      `The specified disk size ${osDisk.diskSizeGB} GB is smaller than the size of the corresponding disk in the VM image: ${diskGibMin} GB.`,
    );
  const storage = osDisk.managedDisk?.storageAccountType;
  if (storage !== undefined && !storageTypes.has(storage))
    throw invalid('storageAccountType', `The value '${storage}' is not valid.`);
}

function checkSystem({ osProfile }: VmProperties): void {
  if (osProfile === undefined) throw missing('osProfile');
  const { computerName, adminUsername, adminPassword, customData, linuxConfiguration } = osProfile;
  if (computerName === undefined) throw missing('osProfile.computerName');
  if (!/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/i.test(computerName))
    throw invalid('computerName', 'The supplied computer name is not valid.');
  if (adminUsername === undefined) throw missing('osProfile.adminUsername');
  if (forbiddenAdmins.has(adminUsername.toLowerCase()))
    throw invalid('adminUsername', 'The Admin Username specified is not allowed.');
  if (customData !== undefined) {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(customData))
      throw invalid(
        'customData',
        'Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.',
      );
    if (Buffer.from(customData, 'base64').length > customDataBytesMax)
      throw invalid(
        'customData',
        'Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.',
      );
  }
  const keys = linuxConfiguration?.ssh?.publicKeys ?? [];
  if (linuxConfiguration?.disablePasswordAuthentication === true && adminPassword !== undefined)
    throw invalid('adminPassword', 'Password authentication is disabled, and a password was given.');
  if (keys.length === 0 && adminPassword === undefined)
    throw invalid(
      'linuxConfiguration',
      'Authentication using either SSH or by user name and password must be enabled in Linux profile.',
    );
  for (const { path, keyData } of keys) {
    if (path !== `/home/${adminUsername}/.ssh/authorized_keys`)
      throw invalid(
        'linuxConfiguration.ssh.publicKeys.path',
        `Destination path for SSH public keys is currently limited to its default value /home/${adminUsername}/.ssh/authorized_keys.`,
      );
    if (!/^ssh-(?:rsa|ed25519) [A-Za-z0-9+/]{40,}={0,2}(?: .*)?$/.test(keyData ?? ''))
      throw invalid(
        'linuxConfiguration.ssh.publicKeys.keyData',
        'The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.',
      );
  }
}

function checkLife(properties: VmProperties, type: SimulatedType): void {
  const { priority, evictionPolicy, billingProfile, securityProfile } = properties;
  const isSpot = priority === 'Spot';
  if (!isSpot && evictionPolicy !== undefined)
    throw invalid('evictionPolicy', 'Eviction policy can be set only on Azure Spot Virtual Machines.');
  if (!isSpot && billingProfile !== undefined)
    throw invalid('billingProfile', 'A maximum price can be set only on Azure Spot Virtual Machines.');
  if (isSpot && !type.spot)
    throw new ArmError(
      409,
      'OperationNotAllowed',
      `The requested VM size '${type.name}' does not support Azure Spot.`,
    );
  if (securityProfile?.securityType === 'TrustedLaunch' && type.architecture === 'arm64')
    throw new ArmError(
      400,
      'BadRequest',
      `The VM size '${type.name}' is not supported for creation of VMs with 'TrustedLaunch' security type.`,
    );
}

function checkNetworkProfile({ networkProfile }: VmProperties): void {
  const {
    networkInterfaces = [],
    networkInterfaceConfigurations: made = [],
    networkApiVersion,
  } = networkProfile ?? {};
  if (networkInterfaces.length === 0 && made.length === 0) throw missing('networkProfile');
  if (networkInterfaces.length > 0 && made.length > 0)
    throw invalid(
      'networkProfile',
      'networkInterfaces and networkInterfaceConfigurations cannot be specified together.',
    );
  if (made.length > 0 && !networkApiVersions.includes(networkApiVersion ?? ''))
    throw invalid(
      'networkApiVersion',
      `networkProfile.networkApiVersion must be one of ${networkApiVersions.join(', ')} when networkInterfaceConfigurations are given.`,
    );
  made.forEach(checkConfiguration);
}

function checkConfiguration({ name, properties }: NicConfiguration): void {
  if (name === undefined) throw missing('networkInterfaceConfigurations.name');
  const addresses = properties?.ipConfigurations ?? [];
  if (addresses.length === 0) throw missing('networkInterfaceConfigurations.ipConfigurations');
  for (const address of addresses) {
    if (address.name === undefined) throw missing('ipConfigurations.name');
    if (address.properties?.subnet?.id === undefined) throw missing('ipConfigurations.subnet');
    const made = address.properties.publicIPAddressConfiguration;
    if (made !== undefined && made.name === undefined) throw missing('publicIPAddressConfiguration.name');
    if (made?.sku?.name === 'Standard' && made.properties?.publicIPAllocationMethod === 'Dynamic')
      throw invalid('publicIPAllocationMethod', 'Standard public addresses are static.');
  }
}
