import { createHmac } from 'node:crypto';
import { GenerateMacCommand, VerifyMacCommand } from '@aws-sdk/client-kms';
import { DescribeExecutionCommand, SendTaskSuccessCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import type { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { QueueName } from '../../../infra/functions.ts';
import type { CloudName } from '../../../shared/domain/cloud.ts';
import type { Cloud, OfferingSource } from '../../../shared/clouds/contract.ts';
import type { Connect, ConnectCloud } from '../../../shared/runtime/accounts.ts';
import type { Dns } from '../../../shared/runtime/dns.ts';
import { createBus, type Bus } from '../../../shared/runtime/bus.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Log, LogFields } from '../../../shared/runtime/log.ts';
import { createMac, type Mac } from '../../../shared/runtime/mac.ts';
import { createQueue, type Queue } from '../../../shared/runtime/queue.ts';
import type { PresignUrl } from '../../../shared/runtime/presigned-url.ts';
import { redact } from '../../../shared/runtime/redaction.ts';
import type { SnapshotObjects } from '../../../shared/runtime/snapshot-objects.ts';
import { createStates, type States } from '../../../shared/runtime/states.ts';
import { storeOver, type Store } from '../../../shared/store/index.ts';
import type { Workloads } from '../life/workloads.ts';
import type { Random } from '../clock/random.ts';
import { simulatedZone, type SimulatedZone } from '../life/zone.ts';
import { tableOver, type MemoryTable } from '../table/memory-table.ts';
import type { StepFunctions } from '../states/step-functions.ts';
import { Invocation, type Outside } from './outside.ts';

/** What the clusters' own APIs say, and do. */
export type ClusterModel = Pick<Workloads, 'get' | 'patch' | 'post'>;

/** What all functions share. */
export interface Services {
  readonly outside: Outside;
  readonly table: MemoryTable;
  readonly stepFunctions: StepFunctions;
  readonly putEvents: (
    source: string,
    entries: readonly { readonly name: string; readonly detail: string }[],
  ) => void;
  readonly sendMessages: (queue: QueueName, bodies: readonly string[], afterSeconds: number) => void;
  readonly cloud: (name: CloudName) => Cloud;
  readonly offerings: (name: CloudName) => OfferingSource;
  /** Before and after a call of a cloud: what goes wrong in it, and what came of it. */
  readonly aroundCloud: <T>(
    cloud: CloudName,
    method: string,
    args: readonly unknown[],
    act: () => Promise<T>,
  ) => Promise<T>;
  /** Whether a cluster's own API is there. */
  readonly apiAnswers: (clusterId: string) => boolean;
  readonly clusterModel: ClusterModel;
  readonly broken: (invariant: string, detail: string) => void;
  /** Absent: the installation has no hosted zone. */
  readonly zone?: SimulatedZone;
  /** The keys in the bucket of etcd snapshots; absent: none are taken. */
  readonly bucket?: Set<string>;
  /** Sees every line that a function writes. */
  readonly onLog: (functionName: string, line: string) => void;
}

/** Before a snapshot's key. */
export const bucketUrl = 'https://bucket.simulated.example/';
const skewMsMax = 60_000;
const kmsKey = 'the installation’s key, which never leaves KMS';
const macOf = (message: Uint8Array): Uint8Array => createHmac('sha256', kmsKey).update(message).digest();

/**
 * A Lambda sandbox: what a function's handler builds when it is loaded, from the real adapters over clients that end in
 * this world. It runs one invocation at a time, and is not used again after one that died.
 */
export class Container {
  readonly functionName: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly states: States;
  readonly mac: Mac;
  readonly log: Log;
  /** Nothing is signed: the URL is the key. */
  readonly presign: PresignUrl | undefined;
  current = new Invocation('nobody', undefined, () => {});
  readonly #services: Services;
  #skewMs = 0;

  constructor(functionName: string, services: Services) {
    const { outside, stepFunctions } = services;
    const { random, faults, time, history } = outside;
    this.functionName = functionName;
    this.#services = services;
    if (faults.strikes('clockSkewed')) this.moveClock(random);
    const now = (): string =>
      this.#skewMs === 0 || faults.isCalm ? time.now() : new Date(time.nowMs + this.#skewMs).toISOString();
    this.clock = { now };
    this.presign = services.bucket === undefined ? undefined : async ({ key = '' }) => `${bucketUrl}${key}`;
    this.store = storeOver(
      tableOver(services.table, now, (name, key, act) => outside.call(this.current, name, key, act)),
    );
    this.states = createStates({
      client: this.#client('states', (command) => {
        if (command instanceof DescribeExecutionCommand)
          return stepFunctions.describe(command.input.executionArn ?? '');
        if (command instanceof StopExecutionCommand)
          return stepFunctions.stop(command.input.executionArn ?? '', command.input.cause ?? '');
        if (command instanceof SendTaskSuccessCommand)
          return stepFunctions.answer(
            command.input.taskToken ?? '',
            JSON.parse(command.input.output ?? 'null'),
          );
        throw new Error('an unknown call of Step Functions');
      }),
    });
    this.mac = createMac({
      keyId: 'token-key',
      client: this.#client('kms', (command) => {
        if (command instanceof GenerateMacCommand)
          return { Mac: macOf(command.input.Message ?? new Uint8Array()) };
        if (command instanceof VerifyMacCommand) {
          const { Message = new Uint8Array(), Mac = new Uint8Array() } = command.input;
          if (Buffer.compare(macOf(Message), Mac) === 0) return { MacValid: true };
          throw Object.assign(new Error('not its MAC'), { name: 'KMSInvalidMacException' });
        }
        throw new Error('an unknown call of KMS');
      }),
    });
    const line =
      (level: string) =>
      (decision: string, fields: LogFields = {}) => {
        const text = JSON.stringify(fields, replacer);
        services.onLog(functionName, text);
        history.note(level, functionName, decision, text);
      };
    this.log = { info: line('info'), warn: line('WARN'), error: line('ERROR') };
  }

  /** From now on its clock is wrong by something else. */
  moveClock(random: Random): void {
    this.#skewMs = random.int(-skewMsMax, skewMsMax);
  }

  bus(): Bus {
    const source = `overcast.${this.functionName}` as const;
    return createBus({
      source,
      busName: 'overcast',
      client: this.#client('bus', (command: PutEventsCommand) => {
        const entries = command.input.Entries ?? [];
        this.#services.putEvents(
          source,
          entries.map(({ DetailType, Detail }) => ({ name: DetailType ?? '', detail: Detail ?? '' })),
        );
        return { FailedEntryCount: 0 };
      }),
    });
  }

  queue(name: QueueName): Queue {
    return createQueue({
      queueUrl: name,
      client: this.#client('queue', (command: SendMessageBatchCommand) => {
        for (const { MessageBody = '', DelaySeconds = 0 } of command.input.Entries ?? [])
          this.#services.sendMessages(name, [MessageBody], DelaySeconds);
        return {};
      }),
    });
  }

  snapshotObjects(): SnapshotObjects {
    const { outside, bucket = new Set<string>() } = this.#services;
    return {
      list: async (prefix) =>
        outside.call(this.current, 'bucket', 'list', () =>
          [...bucket].filter((key) => key.startsWith(prefix)).map((key) => ({ key, sizeBytes: 1 })),
        ),
      remove: async (key) =>
        outside.call(this.current, 'bucket', 'remove', () => {
          bucket.delete(key);
        }),
    };
  }

  dns(): Dns | undefined {
    const { outside, zone } = this.#services;
    if (zone === undefined) return undefined;
    const call = <T>(what: string, act: () => T): Promise<T> =>
      outside.call(this.current, 'route53', what, act);
    return {
      zone: simulatedZone,
      look: () => call('look', () => zone.look()),
      createCheck: (target, reference) => call('createCheck', () => zone.createCheck(target, reference)),
      change: (changes) => call('change', () => zone.change(changes)),
      removeCheck: (id) => call('removeCheck', () => zone.removeCheck(id)),
    };
  }

  connect(name: CloudName): ConnectCloud {
    const { outside, aroundCloud } = this.#services;
    const driver = this.#services.cloud(name);
    const wrapped = new Proxy(driver, {
      get: (target, property) => {
        const method: unknown = Reflect.get(target, property);
        if (typeof method !== 'function') return method;
        return (...args: readonly unknown[]) => {
          const { current } = this;
          const act = (): Promise<unknown> =>
            (method as (...args: readonly unknown[]) => Promise<unknown>).apply(target, [...args]);
          return outside.call(
            current,
            `${name}.${String(property)}`,
            '',
            () => aroundCloud(name, String(property), args, act),
            true,
          );
        };
      },
    });
    return async () => wrapped;
  }

  connectOfferings(name: CloudName): Connect<OfferingSource> {
    const source = this.#services.offerings(name);
    return async () => ({
      name,
      offerings: (location) =>
        this.#services.outside.call(
          this.current,
          `${name}.offerings`,
          location.region,
          () => source.offerings(location),
          true,
        ),
    });
  }

  /** One call of a cluster's own API. @param absent what happens when nobody is there. */
  callCluster<T>(
    clusterId: string,
    what: string,
    answer: (api: ClusterModel) => T,
    absent: () => never,
  ): Promise<T> {
    const { outside, apiAnswers, clusterModel } = this.#services;
    return outside.call(this.current, 'cluster', what, () =>
      apiAnswers(clusterId) ? answer(clusterModel) : absent(),
    );
  }

  uuid(): string {
    return this.#services.outside.random.uuid();
  }

  sleep(seconds: number): Promise<void> {
    return this.#services.outside.time.sleep(seconds);
  }

  random(): number {
    return this.#services.outside.random.next();
  }

  /** Any SDK client that has only `send`. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- says which commands the answer knows
  #client<Command>(service: string, answer: (command: Command) => unknown): never {
    const send = (command: Command): Promise<unknown> =>
      this.#services.outside.call(
        this.current,
        service,
        (command as { constructor: { name: string } }).constructor.name,
        () => answer(command),
      );
    return { send } as never;
  }
}

const replacer = (key: string, value: unknown): unknown =>
  redact(key, value instanceof Error ? { name: value.name, message: value.message } : value);
