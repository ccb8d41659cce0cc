/*
 * What is in the properties of each type, for what the simulator itself reads or writes. shapes.ts has checked that
 * members have these types; everything that a caller may leave out is optional here.
 */
export interface Reference {
  readonly id?: string;
}

export interface Body<P> {
  readonly location?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly zones?: readonly string[];
  readonly sku?: Readonly<Record<string, unknown>>;
  readonly properties?: P;
}

export interface Item<P> {
  readonly name?: string;
  readonly properties?: P;
}

export type SubnetProperties = {
  readonly addressPrefix?: string;
  readonly addressPrefixes?: readonly string[];
  readonly [rest: string]: unknown;
};
export type NetworkProperties = {
  readonly addressSpace?: { readonly addressPrefixes?: readonly string[] };
  readonly subnets?: readonly Item<SubnetProperties>[];
  readonly [rest: string]: unknown;
};

export type SecurityRuleProperties = {
  readonly protocol?: string;
  readonly access?: string;
  readonly direction?: string;
  readonly priority?: number;
  readonly sourcePortRange?: string;
  readonly sourcePortRanges?: readonly string[];
  readonly destinationPortRange?: string;
  readonly destinationPortRanges?: readonly string[];
  readonly sourceAddressPrefix?: string;
  readonly sourceAddressPrefixes?: readonly string[];
  readonly destinationAddressPrefix?: string;
  readonly destinationAddressPrefixes?: readonly string[];
};
export type FirewallProperties = {
  readonly securityRules?: readonly Item<SecurityRuleProperties>[];
  readonly [rest: string]: unknown;
};

export type AddressProperties = {
  readonly publicIPAllocationMethod?: string;
  readonly ipAddress?: string;
  readonly ipConfiguration?: Reference;
  readonly deleteOption?: string;
  readonly [rest: string]: unknown;
};

export interface IpConfiguration {
  readonly name: string;
  readonly properties: {
    readonly subnet?: Reference;
    readonly publicIPAddress?: Reference;
    readonly loadBalancerBackendAddressPools?: readonly Reference[];
    readonly privateIPAddress?: string;
    readonly privateIPAllocationMethod?: string;
    readonly primary?: boolean;
  };
}
export type NicProperties = {
  readonly ipConfigurations: readonly IpConfiguration[];
  readonly networkSecurityGroup?: Reference;
  readonly virtualMachine?: Reference;
  readonly [rest: string]: unknown;
};

export type ProbeProperties = {
  readonly protocol?: string;
  readonly port?: number;
  readonly intervalInSeconds?: number;
  readonly requestPath?: string;
  readonly probeThreshold?: number;
};
export type RuleProperties = {
  readonly frontendIPConfiguration?: Reference;
  readonly backendAddressPool?: Reference;
  readonly probe?: Reference;
  readonly protocol?: string;
  readonly frontendPort?: number;
  readonly backendPort?: number;
};
export type BalancerProperties = {
  readonly frontendIPConfigurations?: readonly Item<{ readonly publicIPAddress?: Reference }>[];
  readonly backendAddressPools?: readonly Item<Readonly<Record<string, unknown>>>[];
  readonly probes?: readonly Item<ProbeProperties>[];
  readonly loadBalancingRules?: readonly Item<RuleProperties>[];
  readonly inboundNatRules?: readonly Item<Readonly<Record<string, unknown>>>[];
  readonly outboundRules?: readonly Item<Readonly<Record<string, unknown>>>[];
};

export type DiskProperties = { readonly diskSizeGB?: number; readonly [rest: string]: unknown };

export interface NicConfiguration {
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly properties?: {
    readonly primary?: boolean;
    readonly deleteOption?: string;
    readonly networkSecurityGroup?: Reference;
    readonly ipConfigurations?: readonly Item<{
      readonly primary?: boolean;
      readonly subnet?: Reference;
      readonly publicIPAddressConfiguration?: {
        readonly name?: string;
        readonly tags?: Readonly<Record<string, string>>;
        readonly sku?: { readonly name?: string; readonly tier?: string };
        readonly properties?: { readonly deleteOption?: string; readonly publicIPAllocationMethod?: string };
      };
    }>[];
  };
}

export type VmProperties = {
  readonly hardwareProfile?: { readonly vmSize?: string };
  readonly storageProfile?: {
    readonly imageReference?: {
      readonly publisher?: string;
      readonly offer?: string;
      readonly sku?: string;
      readonly version?: string;
    };
    readonly osDisk?: {
      readonly name?: string;
      readonly createOption?: string;
      readonly deleteOption?: string;
      readonly diskSizeGB?: number;
      readonly managedDisk?: { readonly id?: string; readonly storageAccountType?: string };
    };
  };
  readonly osProfile?: {
    readonly computerName?: string;
    readonly adminUsername?: string;
    readonly adminPassword?: string;
    readonly customData?: string;
    readonly linuxConfiguration?: {
      readonly disablePasswordAuthentication?: boolean;
      readonly ssh?: {
        readonly publicKeys?: readonly { readonly path?: string; readonly keyData?: string }[];
      };
    };
  };
  readonly networkProfile?: {
    readonly networkApiVersion?: string;
    readonly networkInterfaces?: readonly {
      readonly id?: string;
      readonly properties?: { readonly primary?: boolean; readonly deleteOption?: string };
    }[];
    readonly networkInterfaceConfigurations?: readonly NicConfiguration[];
  };
  readonly securityProfile?: { readonly securityType?: string };
  readonly priority?: string;
  readonly evictionPolicy?: string;
  readonly billingProfile?: { readonly maxPrice?: number };
};
