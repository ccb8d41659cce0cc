import { randomUUID } from 'node:crypto';
import type { Cluster } from '../../shared/domain/cluster.ts';

export const exampleTime = '2026-11-23T04:00:00.000Z';

/** A four-cloud, highly available cluster that was just asked for; every field can be said otherwise. */
export const aCluster = (given: Partial<Cluster> = {}): Cluster => ({
  id: randomUUID(),
  name: 'four-clouds',
  region: 'us-east',
  clouds: [
    { cloud: 'aws', accountId: 'main' },
    { cloud: 'gcp', accountId: 'main' },
    { cloud: 'azure', accountId: 'main' },
    { cloud: 'digitalocean', accountId: 'main' },
  ],
  configuration: 'highly-available',
  vpn: 'wireguard-full-mesh',
  kubernetesVersion: '1.36',
  podRange: '10.217.0.0/16',
  policies: {},
  status: 'creating',
  desired: 'present',
  generation: 1,
  provisionedGeneration: 0,
  nextNumber: 1,
  dueAt: exampleTime,
  createdAt: exampleTime,
  createdBy: 'test',
  ...given,
});

export const anExecution = (name: string = randomUUID()): string =>
  `arn:aws:states:us-east-1:000000000000:execution:overcast:${name}`;
