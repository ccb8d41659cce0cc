import { ArmError, types } from './arm.ts';

/** Says what is wrong with a value, or nothing. */
type Shape = (value: unknown, path: string) => string | undefined;

const kind =
  (name: string, good: (value: unknown) => boolean): Shape =>
  (value, path) =>
    value === null || good(value) ? undefined : `Error converting value to type '${name}'. Path '${path}'.`;

const text = kind('String', (value) => typeof value === 'string');
const flag = kind('Boolean', (value) => typeof value === 'boolean');
const whole = kind('Int32', (value) => Number.isInteger(value));
const number = kind('Double', (value) => typeof value === 'number');
const anything: Shape = () => undefined;

const oneOf =
  (...allowed: readonly string[]): Shape =>
  (value, path) =>
    typeof value === 'string' && allowed.some((a) => a.toLowerCase() === value.toLowerCase())
      ? undefined
      : `Value '${String(value)}' of '${path}' is not one of ${allowed.join(', ')}.`;

const list =
  (of: Shape): Shape =>
  (value, path) => {
    if (!Array.isArray(value)) return `Error converting value to a list. Path '${path}'.`;
    return value.map((item, i) => of(item, `${path}[${i}]`)).find((wrong) => wrong !== undefined);
  };

const map =
  (of: Shape): Shape =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return `Error converting value to an object. Path '${path}'.`;
    return Object.entries(value)
      .map(([key, item]) => of(item, `${path}.${key}`))
      .find((wrong) => wrong !== undefined);
  };

const object =
  (members: Readonly<Record<string, Shape>>): Shape =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return `Error converting value to an object. Path '${path}'.`;
    for (const [key, item] of Object.entries(value)) {
      const shape = members[key];
      const at = path === '' ? key : `${path}.${key}`;
      if (shape === undefined) return `Could not find member '${key}' on object. Path '${at}'.`;
      const wrong = item === undefined ? undefined : shape(item, at);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };

const reference = object({ id: text });
const tags = map(text);
/** Azure takes back what it answered with, and ignores what cannot be set. */
const readBack = { id: text, name: text, type: text, etag: text };
const resource = (
  members: Readonly<Record<string, Shape>>,
  rest: Readonly<Record<string, Shape>> = {},
): Shape =>
  object({
    ...readBack,
    location: text,
    tags,
    properties: object({ provisioningState: text, resourceGuid: text, ...members }),
    ...rest,
  });
const item = (members: Readonly<Record<string, Shape>>): Shape =>
  object({ ...readBack, properties: object({ provisioningState: text, ...members }) });

const deleteOption = oneOf('Delete', 'Detach');

export const subnetShape = item({
  addressPrefix: text,
  addressPrefixes: list(text),
  networkSecurityGroup: anything,
  routeTable: anything,
  natGateway: reference,
  serviceEndpoints: list(anything),
  delegations: list(anything),
  privateEndpointNetworkPolicies: text,
  privateLinkServiceNetworkPolicies: text,
  defaultOutboundAccess: flag,
  ipConfigurations: list(anything),
});

export const securityRuleShape = item({
  description: text,
  protocol: oneOf('Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*'),
  sourcePortRange: text,
  sourcePortRanges: list(text),
  destinationPortRange: text,
  destinationPortRanges: list(text),
  sourceAddressPrefix: text,
  sourceAddressPrefixes: list(text),
  destinationAddressPrefix: text,
  destinationAddressPrefixes: list(text),
  access: oneOf('Allow', 'Deny'),
  priority: whole,
  direction: oneOf('Inbound', 'Outbound'),
});

const nicConfiguration = object({
  name: text,
  tags,
  properties: object({
    primary: flag,
    deleteOption,
    enableAcceleratedNetworking: flag,
    enableIPForwarding: flag,
    networkSecurityGroup: reference,
    dnsSettings: anything,
    ipConfigurations: list(
      object({
        name: text,
        properties: object({
          primary: flag,
          subnet: reference,
          privateIPAddressVersion: oneOf('IPv4', 'IPv6'),
          publicIPAddressConfiguration: object({
            name: text,
            tags,
            sku: object({ name: oneOf('Basic', 'Standard'), tier: oneOf('Regional', 'Global') }),
            properties: object({
              deleteOption,
              idleTimeoutInMinutes: whole,
              publicIPAddressVersion: oneOf('IPv4', 'IPv6'),
              publicIPAllocationMethod: oneOf('Dynamic', 'Static'),
            }),
          }),
        }),
      }),
    ),
  }),
});

const shapes: Readonly<Record<string, Shape>> = {
  [types.network]: resource({
    addressSpace: object({ addressPrefixes: list(text), ipamPoolPrefixAllocations: anything }),
    dhcpOptions: anything,
    subnets: list(subnetShape),
    virtualNetworkPeerings: list(anything),
    enableDdosProtection: flag,
    enableVmProtection: flag,
    encryption: anything,
    flowTimeoutInMinutes: whole,
    privateEndpointVNetPolicies: text,
  }),
  [types.firewall]: resource({
    securityRules: list(securityRuleShape),
    defaultSecurityRules: anything,
    flushConnection: flag,
  }),
  [types.address]: resource(
    {
      publicIPAllocationMethod: oneOf('Dynamic', 'Static'),
      publicIPAddressVersion: oneOf('IPv4', 'IPv6'),
      deleteOption,
      idleTimeoutInMinutes: whole,
      ipAddress: text,
    },
    {
      sku: object({ name: oneOf('Basic', 'Standard'), tier: oneOf('Regional', 'Global') }),
      zones: list(text),
    },
  ),
  [types.nic]: resource({
    ipConfigurations: list(
      item({
        primary: flag,
        subnet: subnetShape,
        publicIPAddress: item({ deleteOption, idleTimeoutInMinutes: whole }),
        loadBalancerBackendAddressPools: list(item({})),
        privateIPAddress: text,
        privateIPAllocationMethod: oneOf('Dynamic', 'Static'),
        privateIPAddressVersion: oneOf('IPv4', 'IPv6'),
      }),
    ),
    networkSecurityGroup: reference,
    virtualMachine: reference,
    enableAcceleratedNetworking: flag,
    enableIPForwarding: flag,
    dnsSettings: anything,
  }),
  [types.balancer]: resource(
    {
      frontendIPConfigurations: list(
        item({
          publicIPAddress: reference,
          privateIPAllocationMethod: oneOf('Dynamic', 'Static'),
          privateIPAddressVersion: oneOf('IPv4', 'IPv6'),
        }),
      ),
      backendAddressPools: list(item({ loadBalancerBackendAddresses: anything })),
      probes: list(
        item({
          protocol: oneOf('Http', 'Https', 'Tcp'),
          port: whole,
          intervalInSeconds: whole,
          numberOfProbes: whole,
          probeThreshold: whole,
          requestPath: text,
        }),
      ),
      loadBalancingRules: list(
        item({
          frontendIPConfiguration: reference,
          backendAddressPool: reference,
          backendAddressPools: list(reference),
          probe: reference,
          protocol: oneOf('Tcp', 'Udp', 'All'),
          loadDistribution: oneOf('Default', 'SourceIP', 'SourceIPProtocol'),
          frontendPort: whole,
          backendPort: whole,
          idleTimeoutInMinutes: whole,
          enableFloatingIP: flag,
          enableTcpReset: flag,
          disableOutboundSnat: flag,
        }),
      ),
      inboundNatRules: list(anything),
      outboundRules: list(anything),
    },
    { sku: object({ name: oneOf('Basic', 'Standard', 'Gateway'), tier: oneOf('Regional', 'Global') }) },
  ),
  [types.disk]: resource(
    { creationData: object({ createOption: text }), diskSizeGB: whole },
    { sku: object({ name: text, tier: text }), zones: list(text) },
  ),
  [types.vm]: resource(
    {
      hardwareProfile: object({ vmSize: text }),
      storageProfile: object({
        imageReference: object({ publisher: text, offer: text, sku: text, version: text, id: text }),
        osDisk: object({
          name: text,
          osType: text,
          createOption: oneOf('FromImage', 'Attach', 'Empty', 'Copy'),
          caching: oneOf('None', 'ReadOnly', 'ReadWrite'),
          deleteOption,
          diskSizeGB: whole,
          managedDisk: object({ id: text, storageAccountType: text }),
        }),
        dataDisks: list(anything),
      }),
      osProfile: object({
        computerName: text,
        adminUsername: text,
        adminPassword: text,
        customData: text,
        linuxConfiguration: object({
          disablePasswordAuthentication: flag,
          provisionVMAgent: flag,
          ssh: object({ publicKeys: list(object({ path: text, keyData: text })) }),
        }),
      }),
      networkProfile: object({
        networkApiVersion: text,
        networkInterfaces: list(object({ id: text, properties: object({ primary: flag, deleteOption }) })),
        networkInterfaceConfigurations: list(nicConfiguration),
      }),
      securityProfile: object({
        securityType: oneOf('TrustedLaunch', 'Standard', 'ConfidentialVM'),
        encryptionAtHost: flag,
        uefiSettings: object({ secureBootEnabled: flag, vTpmEnabled: flag }),
      }),
      priority: oneOf('Regular', 'Low', 'Spot'),
      evictionPolicy: oneOf('Deallocate', 'Delete'),
      billingProfile: object({ maxPrice: number }),
      diagnosticsProfile: anything,
      userData: text,
    },
    { zones: list(text), identity: anything, plan: anything },
  ),
  'Microsoft.Resources/resourceGroups': object({
    ...readBack,
    location: text,
    tags,
    properties: anything,
    managedBy: text,
  }),
  tags: object({ tags }),
};

/** Each provider's word for a body that it cannot read. */
const codes: Readonly<Record<string, string>> = {
  'Microsoft.Compute': 'BadRequest',
  'Microsoft.Network': 'InvalidRequestFormat',
  'Microsoft.Resources': 'InvalidRequestContent',
};

/** @throws ArmError naming the first member that the type does not have, or that has the wrong type. */
export function checkShape(type: string, body: unknown, shape: Shape | undefined = shapes[type]): void {
  const wrong = shape?.(body, '');
  if (wrong === undefined) return;
  throw new ArmError(400, codes[type.split('/')[0] ?? ''] ?? 'InvalidRequestContent', wrong);
}

export const checkTagsPatch = (type: string, body: unknown): void => checkShape(type, body, shapes['tags']);
