import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { HostedZone } from '../domain/dns.ts';

/**
 * The environment of the functions, by its name in code. `infra` types the variables that it sets by this table, so that
 * a setting which nobody sets is an error before it is deployed.
 */
export const settingVariables = {
  /** Tags every resource; other installations are strangers. */
  installationId: 'INSTALLATION_ID',
  tableName: 'TABLE_NAME',
  busName: 'BUS_NAME',
  /** Where machines call back: `https://….execute-api.….amazonaws.com`. */
  apiUrl: 'API_URL',
  /** A KMS HMAC_256 key: bootstrap tokens. */
  tokenKeyId: 'TOKEN_KEY_ID',
  /** A symmetric KMS key: seals clusters' authorities and the platform's credentials. */
  pkiKeyId: 'PKI_KEY_ID',
  /** Where the clusters' etcd snapshots are kept. */
  snapshotBucket: 'SNAPSHOT_BUCKET',
  reconcileQueueUrl: 'RECONCILE_QUEUE_URL',
  observePodsQueueUrl: 'OBSERVE_QUEUE_URL_PODS',
} as const;
export type SettingName = keyof typeof settingVariables;
/** Of functions that have to do with names, where the installation has a hosted zone. */
export const zoneVariables = { id: 'HOSTED_ZONE_ID', name: 'HOSTED_ZONE_NAME' } as const;
export type SettingVariable = (typeof settingVariables)[SettingName] | ObserveQueueVariable;

export type ObserveQueueVariable = `OBSERVE_QUEUE_URL_${Uppercase<CloudName>}`;
export const observeQueueVariable = (cloud: CloudName): ObserveQueueVariable =>
  `OBSERVE_QUEUE_URL_${cloud.toUpperCase() as Uppercase<CloudName>}`;

type Environment = Readonly<Record<string, string | undefined>>;

export interface Settings extends Readonly<Record<SettingName, string>> {
  /**
   * `http://127.0.0.1:4571`: a CONNECT proxy that knows the way to clusters' public addresses. Set by the local platform
   * alone, whose simulated machines have addresses that nobody can dial; no template has it.
   */
  readonly clusterProxyUrl: string | undefined;
  /** The zone in which clusters have their names; undefined where the installation has none. */
  readonly hostedZone: HostedZone | undefined;
  readonly observeQueueUrls: Readonly<Record<CloudName, string>>;
}

const clusterProxyVariable = 'CLUSTER_PROXY_URL';

const isUrl = (variable: string): boolean =>
  variable === 'API_URL' ||
  variable === clusterProxyVariable ||
  variable === 'RECONCILE_QUEUE_URL' ||
  variable.startsWith('OBSERVE_QUEUE_URL_');

function read(environment: Environment, variable: string): string {
  const value = environment[variable];
  if (value === undefined || value === '') throw new Error(`the environment variable ${variable} is not set`);
  if (isUrl(variable) && !URL.canParse(value))
    throw new Error(`the environment variable ${variable} is not a URL`);
  return value;
}

/**
 * Reads a setting when it is asked for, so that each function needs only its own.
 *
 * @throws an Error that names the variable, when it is missing or not of its form.
 */
export const settingsFrom = (environment: Environment): Settings => ({
  get installationId() {
    return read(environment, settingVariables.installationId);
  },
  get tableName() {
    return read(environment, settingVariables.tableName);
  },
  get busName() {
    return read(environment, settingVariables.busName);
  },
  get apiUrl() {
    // One form, so that machines' user-data are the same bytes whoever set the variable.
    return read(environment, settingVariables.apiUrl).replace(/\/+$/, '');
  },
  get tokenKeyId() {
    return read(environment, settingVariables.tokenKeyId);
  },
  get pkiKeyId() {
    return read(environment, settingVariables.pkiKeyId);
  },
  get snapshotBucket() {
    return read(environment, settingVariables.snapshotBucket);
  },
  get clusterProxyUrl() {
    return environment[clusterProxyVariable] === undefined
      ? undefined
      : read(environment, clusterProxyVariable);
  },
  get hostedZone() {
    return environment[zoneVariables.id] === undefined
      ? undefined
      : { id: read(environment, zoneVariables.id), name: read(environment, zoneVariables.name) };
  },
  get reconcileQueueUrl() {
    return read(environment, settingVariables.reconcileQueueUrl);
  },
  get observePodsQueueUrl() {
    return read(environment, settingVariables.observePodsQueueUrl);
  },
  get observeQueueUrls() {
    // Each when it is asked for: an observer has its own alone.
    return Object.defineProperties(
      {},
      Object.fromEntries(
        cloudNames.map((cloud) => [
          cloud,
          { enumerable: true, get: () => read(environment, observeQueueVariable(cloud)) },
        ]),
      ),
    ) as Record<CloudName, string>;
  },
});
