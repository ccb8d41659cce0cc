import { instanceType, type SimulatedType } from '../catalogue.ts';
import { invalidField, notFound } from './failure.ts';
import { hash, lastOf, linkTo } from './links.ts';
import type { Json } from './schema.ts';

/** The regions of Google Cloud that the platform knows, and their zones; as of 2026-08. */
const zoneLetters: Readonly<Record<string, string>> = {
  'us-east1': 'bcd',
  'us-east4': 'abc',
  'us-central1': 'abcf',
  'us-west1': 'abc',
  'us-west2': 'abc',
  'northamerica-northeast1': 'abc',
  'northamerica-northeast2': 'abc',
  'europe-west1': 'bcd',
  'europe-west2': 'abc',
  'europe-west3': 'abc',
  'europe-west4': 'abc',
  'europe-west9': 'abc',
  'europe-north1': 'abc',
  'asia-south1': 'abc',
  'asia-southeast1': 'abc',
  'asia-northeast1': 'abc',
  'australia-southeast1': 'abc',
};

export const regionOfZone = (zone: string): string => zone.replace(/-[a-z]$/, '');

export const zones: readonly string[] = Object.entries(zoneLetters).flatMap(([region, letters]) =>
  Array.from(letters, (letter) => `${region}-${letter}`),
);

export function checkRegion(project: string, region: string): void {
  if (zoneLetters[region] === undefined) throw notFound(`projects/${project}/regions/${region}`);
}

export function checkZone(project: string, zone: string): void {
  if (!zones.includes(zone)) throw notFound(`projects/${project}/zones/${zone}`);
}

export function regionResource(project: string, region: string): Json {
  checkRegion(project, region);
  const path = `projects/${project}/regions/${region}`;
  return {
    kind: 'compute#region',
    id: hash(path),
    name: region,
    status: 'UP',
    zones: zones
      .filter((zone) => regionOfZone(zone) === region)
      .map((zone) => linkTo(`projects/${project}/zones/${zone}`)),
    selfLink: linkTo(path),
  };
}

export function zoneResource(project: string, zone: string): Json {
  checkZone(project, zone);
  const path = `projects/${project}/zones/${zone}`;
  return {
    kind: 'compute#zone',
    id: hash(path),
    name: zone,
    status: 'UP',
    region: linkTo(`projects/${project}/regions/${regionOfZone(zone)}`),
    selfLink: linkTo(path),
  };
}

export function machineTypeResource(project: string, zone: string, type: SimulatedType): Json {
  const path = `projects/${project}/zones/${zone}/machineTypes/${type.name}`;
  return {
    kind: 'compute#machineType',
    id: hash(type.name),
    name: type.name,
    guestCpus: type.vcpus,
    memoryMb: type.memoryGib * 1024,
    isSharedCpu: type.billedCores !== undefined,
    architecture: type.architecture === 'arm64' ? 'ARM64' : 'X86_64',
    zone,
    selfLink: linkTo(path),
  };
}

/** Types of every zone's list that no node can be: with accelerators, with disks that are billed apart, and of a series without a plain price. */
export const otherMachineTypes = (project: string, zone: string): readonly Json[] => {
  const type = (name: string, vcpus: number, memoryGib: number, more: Json): Json => ({
    kind: 'compute#machineType',
    id: hash(name),
    name,
    guestCpus: vcpus,
    memoryMb: memoryGib * 1024,
    isSharedCpu: false,
    architecture: 'X86_64',
    zone,
    selfLink: linkTo(`projects/${project}/zones/${zone}/machineTypes/${name}`),
    ...more,
  });
  return [
    type('a2-highgpu-1g', 12, 85, {
      accelerators: [{ guestAcceleratorCount: 1, guestAcceleratorType: 'nvidia-tesla-a100' }],
    }),
    type('c4-standard-4-lssd', 4, 15, {
      bundledLocalSsds: { defaultInterface: 'NVME', partitionCount: 1 },
    }),
    type('m3-ultramem-32', 32, 976, {}),
    type('f1-micro', 1, 0.6, { isSharedCpu: true, memoryMb: 614 }),
  ];
};

export const machineType = (name: string): SimulatedType | undefined => instanceType('gcp', name);

/** Machine series that take no Persistent Disk, only Hyperdisk: https://cloud.google.com/compute/docs/disks/hyperdisks */
const hyperdiskOnly = new Set(['n4', 'n4a', 'n4d', 'c4', 'c4a', 'c4d']);
const persistentOnly = new Set(['e2', 'n1', 'n2', 'n2d', 't2d', 't2a', 'c2', 'c2d']);

export function checkDiskType(machineTypeName: string, diskTypeLink: string): string {
  const diskType = lastOf(diskTypeLink);
  if (!['pd-standard', 'pd-balanced', 'pd-ssd', 'hyperdisk-balanced'].includes(diskType))
    throw invalidField('resource.disks[0].initializeParams.diskType', diskTypeLink, 'Unknown disk type.');
  const series = machineTypeName.split('-')[0] ?? '';
  const hyperdisk = diskType.startsWith('hyperdisk-');
  if (hyperdisk ? persistentOnly.has(series) : hyperdiskOnly.has(series))
    throw invalidField(
      'resource.disks[0].initializeParams.diskType',
      diskType,
      `[${diskType}] features are not compatible for creating instance of ${machineTypeName}.`,
    );
  return diskType;
}

const families: Readonly<Record<string, 'amd64' | 'arm64'>> = {
  'ubuntu-2204-lts': 'amd64',
  'ubuntu-2404-lts-amd64': 'amd64',
  'ubuntu-2404-lts-arm64': 'arm64',
};
const imageProject = 'ubuntu-os-cloud';
const imageGib = 10;

export interface SimulatedImage {
  readonly architecture: 'amd64' | 'arm64';
  readonly gib: number;
  readonly resource: Json;
}

/** `projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64`, the newest image of that family. */
export function imageAt(path: string): SimulatedImage {
  const family = /^projects\/([^/]+)\/global\/images\/family\/([^/]+)$/.exec(path);
  const architecture = family?.[1] === imageProject ? families[family[2] ?? ''] : undefined;
  if (family?.[2] === undefined || architecture === undefined) throw notFound(path);
  const name = `${family[2]}-v20260801`;
  return {
    architecture,
    gib: imageGib,
    resource: {
      kind: 'compute#image',
      id: hash(name),
      name,
      family: family[2],
      status: 'READY',
      diskSizeGb: String(imageGib),
      architecture: architecture === 'arm64' ? 'ARM64' : 'X86_64',
      selfLink: linkTo(`projects/${imageProject}/global/images/${name}`),
    },
  };
}
