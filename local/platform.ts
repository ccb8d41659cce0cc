import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { accountSecretName, cloudNames, type CloudName } from '../shared/domain/cloud.ts';
import { createStore } from '../shared/store/index.ts';
import type { Store } from '../shared/store/store.ts';
import { startLocalAws, type EventEntry, type LocalAws, type LocalAwsOptions } from './aws/index.ts';
import { createAwsSimulator } from './clouds/aws/index.ts';
import { createAzureSimulator } from './clouds/azure/index.ts';
import { instanceType } from './clouds/catalogue.ts';
import { readOnly } from './clouds/credentials.ts';
import { openDataPath } from './clouds/data-path.ts';
import { createDigitalOceanSimulator } from './clouds/digitalocean/index.ts';
import { createGcpSimulator } from './clouds/gcp/index.ts';
import { serveSimulator, type Simulator } from './clouds/server.ts';
import { seenFromOutside } from './names.ts';
import { World, type WorldMachine } from './clouds/world.ts';
import { createFleet, type BootedMachine, type Fleet } from './nodes/fleet.ts';
import { startClusterProxy } from './nodes/kubernetes/proxy.ts';

export interface PlatformOptions {
  /** The synthesized app. */
  readonly assemblyFolder: string;
  /** Everything that should survive a restart; in memory when absent. */
  readonly dataFolder?: string;
  /** 0: any free port, or with a data folder the one it had before. The simulators take the four ports after it, the proxy the next, DNS the one after that. */
  readonly port: number;
  /** Cloud latencies and machines' work pass this many times faster than in reality. */
  readonly timeScale: number;
  /** Other than local AWS's own: how many functions run at once, and how long they stay warm. */
  readonly limits?: LocalAwsOptions['limits'];
  /** One line of one part: a function's logical id, `machine`, …: for `--verbose`. */
  readonly log: (part: string, line: string) => void;
}

export interface Platform {
  readonly url: string;
  readonly apiKey: string;
  /** False when the key was made now and has to be told to its owner. */
  readonly isApiKeyKnown: boolean;
  /** Each cloud's simulator; `<url>/_control` is the hand of fate. */
  readonly clouds: Readonly<Record<CloudName, string>>;
  /** `CONNECT <a control plane's public address>:6443` leads to its simulated API server. */
  readonly clusterProxyUrl: string;
  /** On 127.0.0.1, by UDP and TCP: answers for the hosted zone; undefined when the template names none. */
  readonly dnsPort: number | undefined;
  readonly world: World;
  readonly fleet: Fleet;
  readonly aws: LocalAws;
  readonly store: Store;
  close(): Promise<void>;
}

const simulators: Readonly<Record<CloudName, (world: World) => Simulator>> = {
  aws: createAwsSimulator,
  gcp: createGcpSimulator,
  azure: createAzureSimulator,
  digitalocean: createDigitalOceanSimulator,
};

/** In the form of each driver's credentials; `id` is by what its simulator knows who asks. */
const credentials: Readonly<Record<CloudName, (id: string) => Readonly<Record<string, string>>>> = {
  aws: (accessKeyId) => ({ accessKeyId, secretAccessKey: 'local-simulator-secret' }),
  gcp: (token) => ({ projectId: 'overcast-local', token }),
  azure: (clientId) => ({ subscriptionId: '11111111-2222-4333-8444-555555555555', clientId }),
  digitalocean: (token) => ({ token }),
};
const credentialIds = { drive: 'local-simulator-token', look: readOnly } as const;
/** The local platform has one account in each cloud. */
export const localAccount = 'main';

/** Starts the whole platform on loopback: the four clouds, the machines in them, and AWS with the deployed functions. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { dataFolder, log, timeScale } = options;
  if (dataFolder !== undefined) mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const onDisk = dataFolder === undefined ? {} : { folder: dataFolder };
  const world = new World({ ...onDisk, timeScale });
  const servers = await Promise.all(
    cloudNames.map(async (cloud, index) => {
      const port = options.port === 0 ? 0 : options.port + 1 + index;
      return { cloud, server: await serveSimulator(world, simulators[cloud](world), port) };
    }),
  );
  const clouds = Object.fromEntries(servers.map(({ cloud, server }) => [cloud, server.url])) as Record<
    CloudName,
    string
  >;

  const fleet = createFleet({
    ...onDisk,
    look: (key) => {
      const [place = '', createdAt] = key.split('@');
      const found = world.machines.get(place);
      const machine = String(found?.createdAt) === createdAt ? found : undefined;
      const state = machine === undefined ? 'gone' : world.state(machine);
      return {
        powered: state === 'running',
        exists: state !== 'gone',
        ...(machine?.interruption === undefined ? {} : { interruption: { kind: machine.interruption.kind } }),
      };
    },
    scaled: (seconds) => world.scaled(seconds),
    log: (line) => log('machine', line),
  });
  const proxy = await startClusterProxy({
    port: options.port === 0 ? 0 : options.port + 1 + cloudNames.length,
    lead: (publicAddress) => fleet.lead(publicAddress),
  });

  const dataPath = openDataPath({
    world,
    dial: (machine, port) => fleet.dial(keyOf(machine), port),
  });
  world.dataPath = dataPath;

  const port = portFor(options);
  const aws = await startLocalAws({
    assemblyFolder: options.assemblyFolder,
    ...(dataFolder === undefined ? {} : { folder: join(dataFolder, 'aws') }),
    port,
    waitScale: timeScale,
    environment: { CLUSTER_PROXY_URL: proxy.url },
    names: {
      ...seenFromOutside({ world, leads: (address) => fleet.lead(address) !== undefined }),
      port: options.port === 0 ? 0 : options.port + 2 + cloudNames.length,
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    log,
  });
  if (dataFolder !== undefined)
    writeFileSync(join(dataFolder, portFile), new URL(aws.url).port, { mode: 0o600 });
  const clients = {
    endpoint: aws.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const dynamodb = new DynamoDBClient(clients);
  const store = createStore({
    client: dynamodb,
    tableName: aws.outputs['TableName'] ?? '',
    now: () => new Date().toISOString(),
  });
  await addAccounts(store, new SecretsManagerClient(clients), clouds);
  const { apiKey, isKnown } = await addApiKey(store, dataFolder);

  world.onBoot((machine) => {
    fleet.boot({
      key: keyOf(machine),
      name: machine.name,
      userData: machine.userData,
      hardware: hardwareOf(machine),
      place: placeOf(machine),
      addresses: { public: machine.publicAddress, private: machine.privateAddress },
    });
  });
  world.onNotice((machine) => {
    const event = eventOf(machine);
    if (event !== undefined) aws.putEvent(event).catch((error: unknown) => log('events', String(error)));
  });
  world.resume();

  return {
    url: aws.apiUrl,
    apiKey,
    isApiKeyKnown: isKnown,
    clouds,
    clusterProxyUrl: proxy.url,
    dnsPort: aws.dnsPort,
    world,
    fleet,
    aws,
    store,
    async close() {
      await proxy.close();
      await dataPath.close();
      await fleet.close();
      await aws.close();
      await Promise.all(servers.map(({ server }) => server.close()));
      world.close();
      dynamodb.destroy();
    },
  };
}

/** Some clouds know machines by name: the next of the same name is another machine, with an empty disk. */
const keyOf = ({ cloud, id, createdAt }: WorldMachine): string => `${cloud}/${id}@${createdAt}`;

function hardwareOf(machine: WorldMachine): BootedMachine['hardware'] {
  const type = instanceType(machine.cloud, machine.instanceType);
  return {
    vcpus: machine.vcpus,
    memoryGib: type?.memoryGib ?? machine.vcpus * 2,
    architecture: type?.architecture ?? 'amd64',
  };
}

/** What the cloud's metadata service says, as far as an agent asks it: a network's name begins with whose it is. */
function placeOf({ cloud, networkId }: WorldMachine): BootedMachine['place'] {
  if (cloud === 'gcp') {
    const [, project] = /(?:^|\/)projects\/([^/]+)\//.exec(networkId) ?? [];
    return project === undefined ? undefined : { project };
  }
  if (cloud === 'azure') {
    const [, subscriptionId, resourceGroup] =
      /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\//i.exec(networkId) ?? [];
    return subscriptionId === undefined || resourceGroup === undefined
      ? undefined
      : { subscriptionId, resourceGroup };
  }
  return undefined;
}

/** What EC2 says of a machine's future on the bus of the account that the platform lives in; the other clouds have none. */
function eventOf({ cloud, id, interruption }: WorldMachine): EventEntry | undefined {
  if (cloud !== 'aws' || interruption === undefined) return undefined;
  return interruption.kind === 'terminate'
    ? {
        source: 'aws.ec2',
        detailType: 'EC2 Spot Instance Interruption Warning',
        detail: { 'instance-id': id, 'instance-action': 'terminate' },
      }
    : {
        source: 'aws.ec2',
        detailType: 'EC2 Instance Rebalance Recommendation',
        detail: { 'instance-id': id },
      };
}

const portFile = 'port';

/** @throws when the data folder's machines look for the API at another port: theirs is written into them. */
function portFor({ dataFolder, port }: PlatformOptions): number {
  const path = dataFolder === undefined ? undefined : join(dataFolder, portFile);
  if (path === undefined || !existsSync(path)) return port;
  const known = Number(readFileSync(path, 'utf8'));
  if (port !== 0 && port !== known)
    throw new Error(
      `the machines in ${dataFolder ?? ''} look for the API at port ${known}: use that port, or another folder`,
    );
  return known;
}

/** The accounts point at the simulators, whose ports may be others than last time. */
async function addAccounts(
  store: Store,
  secrets: SecretsManagerClient,
  clouds: Record<CloudName, string>,
): Promise<void> {
  for (const cloud of cloudNames) {
    for (const access of ['drive', 'look'] as const) {
      const name = accountSecretName(cloud, localAccount, access);
      const value = JSON.stringify({
        ...credentials[cloud](credentialIds[access]),
        endpoint: clouds[cloud],
      });
      try {
        await secrets.send(new CreateSecretCommand({ Name: name, SecretString: value }));
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ResourceExistsException') throw error;
        await secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
      }
    }
    await store.accounts.put({ cloud, id: localAccount, createdAt: new Date().toISOString() });
  }
  secrets.destroy();
}

/** One key with every right, made on the first start and kept with the data for the command line. */
async function addApiKey(
  store: Store,
  dataFolder: string | undefined,
): Promise<{ apiKey: string; isKnown: boolean }> {
  const path = dataFolder === undefined ? undefined : join(dataFolder, 'api-key');
  const isKnown = path !== undefined && existsSync(path);
  const apiKey = isKnown ? readFileSync(path, 'utf8').trim() : `oc_${randomBytes(32).toString('base64url')}`;
  if (path !== undefined && !isKnown) writeFileSync(path, `${apiKey}\n`, { mode: 0o600 });
  await store.apiKeys.put({
    hash: createHash('sha256').update(apiKey).digest('hex'),
    name: 'local',
    scopes: ['read', 'write', 'admin'],
    createdAt: new Date().toISOString(),
  });
  return { apiKey, isKnown };
}
