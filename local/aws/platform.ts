import { openDisk } from '../disk.ts';
import { createDelivery } from './delivery.ts';
import { createEvents, type EventEntry, type EventFilter, type Events } from './events/events.ts';
import { createEventsApi } from './events/events-api.ts';
import { readBuses, readRules } from './events/from-template.ts';
import { createHttpApi } from './http-api/http-api.ts';
import { createGuard, rootAccessKeyId, type Caller } from './iam/guard.ts';
import { readRoles } from './iam/roles.ts';
import { createAsynchronousInvocations, type AsynchronousInvocations } from './lambda/asynchronous.ts';
import { tidyCompileCache } from './lambda/compile-cache.ts';
import {
  accessKeyIdOfFunction,
  readAsynchronousSettings,
  readFunctions,
  readPermissions,
} from './lambda/from-template.ts';
import { FunctionError } from './lambda/function.ts';
import { createLambda } from './lambda/lambda.ts';
import { createLambdaApi } from './lambda/lambda-api.ts';
import type { PoolLimits } from './lambda/pool.ts';
import { createTaskInvoker, readMachines } from './machines.ts';
import { startEventSource } from './queues/event-source.ts';
import { readEventSources } from './queues/from-template.ts';
import { createQueues } from './queues/queues.ts';
import { listen } from './server/listen.ts';
import { createServices, identifyBy } from './server/services.ts';
import type { Route53World } from './route53/route53.ts';
import { startNames } from './route53/start.ts';
import type { Signer } from './s3/presigned.ts';
import { openS3 } from './s3/s3.ts';
import { createStates } from './states/index.ts';
import { openTables } from './stores/dynamodb.ts';
import { openKms } from './stores/kms.ts';
import { lockFolder } from './stores/lock.ts';
import { openSecrets } from './stores/secrets.ts';
import { readAssembly } from './template/assembly.ts';
import { loadStack } from './template/stack.ts';

export interface LocalAwsOptions {
  /** What `cdk synth` wrote: `cdk.out`. */
  readonly assemblyFolder: string;
  /** Needed only when the assembly holds several stacks. */
  readonly stackName?: string;
  /** Where state is kept; in memory when absent. Queues never outlive the process. */
  readonly folder?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /**
   * Divides what AWS waits for on its own: Wait states and retries of state machines, retries of asynchronous
   * invocations and of undelivered events, and the time until a failed queue message comes back. Never timeouts.
   */
  readonly waitScale: number;
  /** Divides the periods of `rate(…)` schedules; 1 when absent. */
  readonly scheduleScale?: number;
  /** Added to the environment of every function, over what the template says. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: Partial<PoolLimits>;
  /**
   * What Route 53 sees of the world, and where its zones are answered for on loopback, by UDP and TCP (0: any free port).
   * Absent: nothing answers anywhere, and nobody is told of names.
   */
  readonly names?: Route53World & { readonly port: number };
  /** One line at a time; the source is a function's name or a part of the platform (`iam`, `events`, …). */
  readonly log: (source: string, line: string) => void;
}

export interface LocalAws {
  /** Endpoint of every AWS service: `http://127.0.0.1:<port>`. People use the access key id `local`. */
  readonly url: string;
  /** The HTTP API, without a slash at the end. */
  readonly apiUrl: string;
  /** The stack's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  /** What `Ref` gives for a logical id. */
  physicalId(logicalId: string): string | undefined;
  /**
   * Calls a function and waits for its answer.
   * @param id logical id, name or ARN
   * @throws FunctionError, its name the function's error type
   */
  invoke(id: string, payload: unknown): Promise<unknown>;
  /** Says an event as AWS itself or anybody else; the default bus when none is named. @returns its id */
  putEvent(event: EventEntry & { readonly bus?: string }): Promise<string>;
  /** Events for which the filter says true are accepted and lost; undefined ends it. Schedules are no events. */
  dropEvents(filter: EventFilter | undefined): void;
  /** The rules with a schedule. */
  readonly schedules: readonly { readonly logicalId: string; readonly expression: string }[];
  /** Fires a rule's schedule now. @param id logical id or name */
  fireSchedule(id: string): Promise<void>;
  startExecution(machineArn: string, input: unknown, name?: string): string;
  /** The port on 127.0.0.1 that answers DNS for the hosted zone; undefined when there is none. */
  readonly dnsPort: number | undefined;
  /** Messages per queue. */
  queueDepths(): Promise<Readonly<Record<string, { visible: number; inFlight: number; delayed: number }>>>;
  /** What is under way right now; all zero when nothing but time or a request would make anything happen. */
  activity(): {
    readonly running: number;
    readonly waiting: number;
    readonly threads: number;
    readonly asynchronous: number;
    readonly batches: number;
  };
  close(): Promise<void>;
}

/**
 * To start a function's thread costs far more than to keep it: few of each, and warm. With the bundles of this project
 * a thread takes 25–40 MB: the whole platform stays under 1.2 GB.
 */
const poolLimits: PoolLimits = {
  threadsMax: 40,
  threadsPerFunctionMax: 2,
  patienceMilliseconds: 50,
  idleMillisecondsMax: 60_000,
};

const now = (): number => Date.now();

/**
 * Runs a synthesized stack on this machine, on one loopback port.
 *
 * @throws when the port is taken, or the template holds what the local AWS does not carry out (all of it is listed)
 */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const { folder, waitScale, log } = options;
  tidyCompileCache(now());
  const assembly = readAssembly(options.assemblyFolder, options.stackName);
  const listener = await listen(options.port, log);
  /** What has to be closed, newest first. */
  const closers: (() => unknown)[] = [() => listener.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };

  try {
    const { url } = listener;
    const stack = loadStack(assembly, url);
    const roles = readRoles(stack);
    const guard = createGuard(roles, log);
    if (folder !== undefined) {
      const lock = lockFolder(folder);
      closers.push(() => lock.release());
    }
    const disk = openDisk({ name: 'aws', ...(folder === undefined ? {} : { folder }) });
    closers.push(() => disk.close());

    const tables = await openTables(stack, folder);
    closers.push(() => tables.close());
    const queues = await createQueues(stack, url);
    const kms = openKms(stack, disk);
    const secrets = openSecrets(stack, disk, now);

    const functions = readFunctions(stack, roles, url, options.environment ?? {});
    const lambda = createLambda({
      functions,
      permissions: readPermissions(stack, functions),
      limits: { ...poolLimits, ...options.limits },
      log,
    });
    closers.push(() => lambda.close());

    const machines = readMachines(stack, roles);
    const machineArns = machines.map(({ arn }) => arn);
    const states = createStates({
      disk,
      invokeTask: createTaskInvoker(lambda, guard),
      waitScale,
      now,
      emitStatusEvent: (detail) => {
        const { executionArn } = detail;
        events
          .put('default', {
            source: 'aws.states',
            detailType: 'Step Functions Execution Status Change',
            detail,
            resources: typeof executionArn === 'string' ? [executionArn] : [],
          })
          .catch((error: unknown) => log('events', String(error)));
      },
      log: (line) => log('states', line),
    });
    closers.push(() => states.close());
    for (const machine of machines)
      try {
        states.register(machine);
      } catch (error) {
        throw new Error(`state machine ${machine.name}: ${String(error)}`, { cause: error });
      }

    const rules = readRules(stack);
    const delivery = createDelivery({
      lambda,
      asynchronous: () => asynchronous,
      queues,
      machineArns: new Set(machineArns),
      startExecution: (arn, input) => states.start(arn, input),
      guard,
      roles,
      log,
    });
    for (const rule of rules) for (const target of rule.targets) delivery.checkTarget(rule, target);
    const asynchronous: AsynchronousInvocations = createAsynchronousInvocations({
      disk,
      lambda,
      settings: readAsynchronousSettings(stack, functions),
      deliver: delivery.ofFunction,
      waitScale,
      now,
      log,
    });
    const events: Events = createEvents({
      buses: readBuses(stack),
      rules,
      deliver: delivery.toTarget,
      sendDeadLetter: delivery.deadLetterOfRule,
      waitScale,
      scheduleScale: options.scheduleScale ?? 1,
      now,
      log,
    });

    const callers = new Map<string, Caller>(
      functions.map(({ logicalId, name, roleArn }) => [
        accessKeyIdOfFunction(stack.name, logicalId),
        { kind: 'role', roleArn, name },
      ]),
    );
    // Set over what the template says, as the functions themselves find them.
    const secretsOf = new Map<string, Signer>(
      functions.map(({ environment }) => [
        environment['AWS_ACCESS_KEY_ID'] ?? '',
        {
          secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
          sessionToken: environment['AWS_SESSION_TOKEN'] ?? '',
        },
      ]),
    );
    const s3 = openS3({
      stack,
      disk,
      folder,
      guard,
      identify: identifyBy(callers),
      callerOf: (id) => {
        if (id === rootAccessKeyId) return { caller: { kind: 'root' }, secretAccessKey: rootAccessKeyId };
        const [caller, signer] = [callers.get(id), secretsOf.get(id)];
        return caller === undefined || signer === undefined ? undefined : { caller, ...signer };
      },
      now,
    });
    const names = await startNames({
      outputs: stack.outputs,
      world: options.names,
      disk,
      guard,
      identify: identifyBy(callers),
      waitScale,
      random: Math.random,
      log: (line) => log('route53', line),
    });
    closers.push(() => names.close());
    const partitionKeys = new Map(
      stack
        .all('AWS::DynamoDB::Table')
        .map(({ ref, properties }) => [
          ref,
          properties.KeySchema.find(({ KeyType }) => KeyType === 'HASH')?.AttributeName,
        ]),
    );
    listener.serve(
      createServices({
        guard,
        callers,
        tables,
        partitionKeyOf: (name) => partitionKeys.get(name),
        queues,
        events: createEventsApi(events, guard),
        kms,
        secrets,
        s3,
        route53: names,
        states,
        machineArns,
        lambda: createLambdaApi({ lambda, asynchronous, guard }),
        httpApi: createHttpApi(stack, { lambda, now, log }),
      }),
    );

    const sources = readEventSources(stack, functions, guard).map((source) =>
      startEventSource(source, {
        queues,
        invoke: (configuration, payload) => lambda.invoke(configuration, payload),
        waitScale,
        now,
        log,
      }),
    );
    closers.push(async () => {
      // Pollers wait in fauxqs, which lets them go when it closes.
      const ended = Promise.all(sources.map((source) => source.close()));
      await Promise.all([ended, queues.close(), lambda.close()]);
    });
    closers.push(() => {
      events.close();
      asynchronous.close();
    });

    await states.resume();
    asynchronous.resume();
    events.start();

    return {
      url,
      apiUrl: url,
      outputs: stack.outputs,
      physicalId: stack.physicalId,
      invoke: async (id, payload) => {
        const outcome = await lambda.invoke(lambda.find(id), JSON.stringify(payload ?? {}));
        if (!outcome.ok) throw new FunctionError(outcome.failure);
        return JSON.parse(outcome.payload) as unknown;
      },
      putEvent: ({ bus = 'default', ...event }) => events.put(bus, event),
      dropEvents: events.drop,
      schedules: rules.flatMap(({ logicalId, schedule }) =>
        schedule === undefined ? [] : [{ logicalId, expression: schedule }],
      ),
      fireSchedule: events.fire,
      startExecution: (machineArn, input, name) => states.start(machineArn, input, name),
      dnsPort: names.dnsPort,
      queueDepths: async () =>
        Object.fromEntries(
          await Promise.all(queues.names.map(async (name) => [name, await queues.depth(name)] as const)),
        ),
      activity: () => ({
        ...lambda.load,
        asynchronous: asynchronous.pending,
        batches: sources.reduce((sum, { busy }) => sum + busy, 0),
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
