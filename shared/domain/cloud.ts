/** The clouds a cluster can be built in, in the order in which control planes are spread over them. */
export const cloudNames = ['aws', 'gcp', 'azure', 'digitalocean'] as const;
export type CloudName = (typeof cloudNames)[number];

export const isCloudName = (value: string): value is CloudName =>
  (cloudNames as readonly string[]).includes(value);

/** Where machines stand, in the cloud's own words: one region and one zone per cloud and cluster. */
export interface Location {
  readonly region: string;
  /** Empty where the region has no zones (DigitalOcean everywhere, Azure westus). */
  readonly zone: string;
}

/**
 * The credentials for one cloud. The item names them; the secrets themselves are in Secrets Manager, one for each access,
 * and readable by that cloud's functions of that access alone.
 */
export interface CloudAccount {
  readonly cloud: CloudName;
  /** Chosen by its owner, unique within the cloud: `main`. */
  readonly id: string;
  readonly createdAt: string;
}

/** `drive` makes, changes and deletes; `look` can only read, so that whoever observes could change nothing by mistake either. */
export type Access = 'drive' | 'look';

const folders: Readonly<Record<Access, string>> = { drive: 'accounts', look: 'observers' };

/** `overcast/accounts/aws/main`, `overcast/observers/aws/main`: the one right to read one says nothing of the other. */
export const accountSecretName = (cloud: CloudName, accountId: string, access: Access): string =>
  `overcast/${folders[access]}/${cloud}/${accountId}`;

/** What every resource is tagged with. A resource without both belongs to a stranger. */
export interface Owner {
  /** The installation's id; other installations are strangers. */
  readonly installation: string;
  readonly clusterId: string;
}
