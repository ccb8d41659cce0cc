import type { CloudName, Location } from './cloud.ts';

/** One name for one place, and where each cloud is nearest to it: within ~600 km of each other, or not at all. */
export interface Region {
  readonly name: string;
  readonly title: string;
  readonly locations: Readonly<Partial<Record<CloudName, Location>>>;
  readonly note?: string;
}

export const regions: readonly Region[] = [
  {
    name: 'us-east',
    title: 'US East (Ashburn)',
    locations: {
      aws: { region: 'us-east-1', zone: 'us-east-1a' },
      gcp: { region: 'us-east4', zone: 'us-east4-a' },
      azure: { region: 'eastus', zone: '1' },
      digitalocean: { region: 'nyc1', zone: '' },
    },
  },
  {
    name: 'eu-central',
    title: 'EU Central (Frankfurt)',
    locations: {
      aws: { region: 'eu-central-1', zone: 'eu-central-1a' },
      gcp: { region: 'europe-west3', zone: 'europe-west3-a' },
      azure: { region: 'germanywestcentral', zone: '1' },
      digitalocean: { region: 'fra1', zone: '' },
    },
  },
  {
    name: 'eu-west',
    title: 'EU West (London)',
    locations: {
      aws: { region: 'eu-west-2', zone: 'eu-west-2a' },
      gcp: { region: 'europe-west2', zone: 'europe-west2-a' },
      azure: { region: 'uksouth', zone: '1' },
      digitalocean: { region: 'lon1', zone: '' },
    },
  },
  {
    name: 'ap-southeast',
    title: 'Asia Pacific (Singapore)',
    locations: {
      aws: { region: 'ap-southeast-1', zone: 'ap-southeast-1a' },
      gcp: { region: 'asia-southeast1', zone: 'asia-southeast1-a' },
      azure: { region: 'southeastasia', zone: '1' },
      digitalocean: { region: 'sgp1', zone: '' },
    },
  },
  {
    name: 'ap-sydney',
    title: 'Australia (Sydney)',
    locations: {
      aws: { region: 'ap-southeast-2', zone: 'ap-southeast-2a' },
      gcp: { region: 'australia-southeast1', zone: 'australia-southeast1-a' },
      azure: { region: 'australiaeast', zone: '1' },
      digitalocean: { region: 'syd1', zone: '' },
    },
  },
  {
    name: 'ca-central',
    title: 'Canada (Toronto)',
    locations: {
      aws: { region: 'ca-central-1', zone: 'ca-central-1a' },
      gcp: { region: 'northamerica-northeast2', zone: 'northamerica-northeast2-a' },
      azure: { region: 'canadacentral', zone: '1' },
      digitalocean: { region: 'tor1', zone: '' },
    },
    note: 'AWS is in Montreal',
  },
  {
    name: 'us-west',
    title: 'US West (California)',
    locations: {
      aws: { region: 'us-west-1', zone: '' },
      gcp: { region: 'us-west2', zone: 'us-west2-a' },
      azure: { region: 'westus', zone: '' },
      digitalocean: { region: 'sfo3', zone: '' },
    },
    note: 'Azure westus has no zones; query AWS zones',
  },
  {
    name: 'us-northwest',
    title: 'US Northwest (Oregon)',
    locations: {
      aws: { region: 'us-west-2', zone: 'us-west-2a' },
      gcp: { region: 'us-west1', zone: 'us-west1-a' },
      azure: { region: 'westus2', zone: '1' },
    },
    note: 'no DigitalOcean near',
  },
  {
    name: 'ap-south',
    title: 'India (Mumbai)',
    locations: {
      aws: { region: 'ap-south-1', zone: 'ap-south-1a' },
      gcp: { region: 'asia-south1', zone: 'asia-south1-a' },
      azure: { region: 'centralindia', zone: '1' },
    },
    note: 'DigitalOcean blr1 is ~850 km away',
  },
  {
    name: 'ap-northeast',
    title: 'Japan (Tokyo)',
    locations: {
      aws: { region: 'ap-northeast-1', zone: 'ap-northeast-1a' },
      gcp: { region: 'asia-northeast1', zone: 'asia-northeast1-a' },
      azure: { region: 'japaneast', zone: '1' },
    },
  },
  {
    name: 'eu-paris',
    title: 'France (Paris)',
    locations: {
      aws: { region: 'eu-west-3', zone: 'eu-west-3a' },
      gcp: { region: 'europe-west9', zone: 'europe-west9-a' },
      azure: { region: 'francecentral', zone: '1' },
    },
  },
  {
    name: 'eu-north',
    title: 'EU North (Amsterdam)',
    locations: {
      gcp: { region: 'europe-west4', zone: 'europe-west4-a' },
      azure: { region: 'westeurope', zone: '1' },
      digitalocean: { region: 'ams3', zone: '' },
    },
    note: 'no AWS near',
  },
];

export const findRegion = (name: string): Region | undefined =>
  regions.find((region) => region.name === name);

/** @throws when the region or its place in this cloud does not exist: callers have validated both. */
export function locationOf(regionName: string, cloud: CloudName): Location {
  const location = findRegion(regionName)?.locations[cloud];
  if (location === undefined) throw new Error(`region ${regionName} has no place in ${cloud}`);
  return location;
}
