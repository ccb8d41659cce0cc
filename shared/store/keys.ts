import type { CloudName } from '../domain/cloud.ts';
import type { ClusterId } from '../domain/ids.ts';

/** Where an item lives. Keys lead with the cluster's UUID, so that load spreads over partitions. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** The due list and the list of all clusters are spread over this many partitions. */
export const shardCount = 16;

/** FNV-1a over UTF-16 code units: stable for ever, since stored keys are made from it. */
const hash = (text: string): number => {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value ^= text.charCodeAt(index);
    value = Math.imul(value, 0x01000193) >>> 0;
  }
  return value;
};

export const shardOf = (id: ClusterId): number => hash(id) % shardCount;

/** `DUE#07` */
export const duePk = (shard: number): string => `DUE#${String(shard).padStart(2, '0')}`;

/** `aws#main#i-0abc` */
export const providerKey = (cloud: CloudName, accountId: string, providerId: string): string =>
  `${cloud}#${accountId}#${providerId}`;

const clusterPk = (id: ClusterId): string => `C#${id}`;

/** Audit entries of one day are spread over this many partitions. */
export const auditShards = 4;

export const prefixes = {
  node: 'NODE#',
  cloud: 'CLOUD#',
  observation: 'OBSERVED#',
  finding: 'FINDING#',
  event: 'EVENT#',
  snapshot: 'SNAPSHOT#',
} as const;

export const keys = {
  cluster: (id: ClusterId): Key => ({ pk: clusterPk(id), sk: 'CLUSTER' }),
  /** Five digits: numbers go up to 65,534 and sort as text. */
  node: (id: ClusterId, number: number): Key => ({
    pk: clusterPk(id),
    sk: `${prefixes.node}${String(number).padStart(5, '0')}`,
  }),
  mesh: (id: ClusterId): Key => ({ pk: clusterPk(id), sk: 'MESH' }),
  pki: (id: ClusterId): Key => ({ pk: clusterPk(id), sk: 'PKI' }),
  credential: (id: ClusterId): Key => ({ pk: clusterPk(id), sk: 'CREDENTIAL' }),
  parts: (id: ClusterId, cloud: CloudName): Key => ({ pk: clusterPk(id), sk: `${prefixes.cloud}${cloud}` }),
  observation: (id: ClusterId, cloud: CloudName): Key => ({
    pk: clusterPk(id),
    sk: `${prefixes.observation}${cloud}`,
  }),
  finding: (id: ClusterId, cloud: CloudName | undefined, fingerprint: string): Key => ({
    pk: clusterPk(id),
    sk: `${prefixes.finding}${cloud ?? ''}#${fingerprint}`,
  }),
  event: (id: ClusterId, at: string, eventId: string): Key => ({
    pk: clusterPk(id),
    sk: `${prefixes.event}${at}#${eventId}`,
  }),
  dns: (id: ClusterId): Key => ({ pk: clusterPk(id), sk: 'DNS' }),
  workload: (id: ClusterId): Key => ({ pk: clusterPk(id), sk: 'WORKLOAD' }),
  snapshot: (id: ClusterId, snapshot: string): Key => ({
    pk: clusterPk(id),
    sk: `${prefixes.snapshot}${snapshot}`,
  }),
  name: (name: string): Key => ({ pk: `NAME#${name}`, sk: 'NAME' }),
  request: (principal: string, key: string): Key => ({ pk: `REQUEST#${principal}#${key}`, sk: 'REQUEST' }),
  apiKey: (sha256: string): Key => ({ pk: `KEY#${sha256}`, sk: 'KEY' }),
  account: (cloud: CloudName, id: string): Key => ({ pk: 'ACCOUNTS', sk: `${cloud}#${id}` }),
  callBudget: (cloud: CloudName, accountId: string, scope: string): Key => ({
    pk: `BUDGET#${cloud}#${accountId}`,
    sk: scope,
  }),
  coolOff: (cloud: CloudName, region: string, offering: string): Key => ({
    pk: `COOL#${cloud}#${region}`,
    sk: offering,
  }),
  /** A sort key must not be empty, as the zone is where a region has none. */
  offerings: (cloud: CloudName, region: string, zone: string): Key => ({
    pk: `OFFER#${cloud}#${region}`,
    sk: `ZONE#${zone}`,
  }),
  audit: (at: string, id: string): Key => ({
    pk: `AUDIT#${at.slice(0, 10)}#${hash(id) % auditShards}`,
    sk: `${at}#${id}`,
  }),
} as const;
