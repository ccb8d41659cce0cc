import * as z from 'zod/mini';
import { answerSync } from '../../../functions/answer-node-sync/answer.ts';
import { admit } from '../../../functions/admit-node/admit.ts';
import { awaitNode, awaitRequest } from '../../../functions/await-node/await-node.ts';
import { claimOperation, claimRequest } from '../../../functions/claim-operation/claim-operation.ts';
import { configureRequest } from '../../../functions/configure-cluster/configure-cluster.ts';
import { drainNode, drainRequest } from '../../../functions/drain-node/drain-node.ts';
import { drive, driveRequest } from '../../../functions/drive-cloud/drive.ts';
import { forgetNode, forgetRequest } from '../../../functions/forget-node/forget-node.ts';
import { observe } from '../../../functions/observe-cloud/observe.ts';
import { reconcileCluster } from '../../../functions/reconcile-cluster/reconcile-cluster.ts';
import { nodeReport, onNodeReported } from '../../../functions/record-node-joined/on-node-reported.ts';
import { onEvent, platformEvent } from '../../../functions/record-timeline/on-event.ts';
import { requestNodes, requestNodesRequest } from '../../../functions/request-nodes/request-nodes.ts';
import { createApp } from '../../../functions/serve-api/app.ts';
import { executionEnded, onExecutionEnded } from '../../../functions/settle-operation/on-execution-ended.ts';
import { settleOperation } from '../../../functions/settle-operation/settle-operation.ts';
import { settleRequest } from '../../../functions/settle-operation/settlement.ts';
import { onReconcileTick } from '../../../functions/tick-clusters/on-reconcile-tick.ts';
import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import { plusSeconds } from '../../../shared/domain/ids.ts';
import { needsRotation } from '../../../shared/planning/needs-rotation.ts';
import { eachMessage } from '../../../shared/runtime/batch.ts';
import type { ClusterApi } from '../../../shared/runtime/cluster-access.ts';
import { parsePayload } from '../../../shared/runtime/observability.ts';
import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import type { Queue } from '../../../shared/runtime/queue.ts';
import type { Container } from './container.ts';

export const installationId = 'simulated';

export type Handler = (event: unknown) => Promise<unknown>;

/** What `validated` does before a handler: an event's detail, or the payload itself, in its form. */
const validated =
  <Schema extends z.ZodMiniType>(
    schema: Schema,
    behaviour: (request: z.output<Schema>) => Promise<unknown>,
  ): Handler =>
  (event) => {
    const isEvent = typeof event === 'object' && event !== null && 'detail-type' in event;
    return behaviour(parsePayload(schema, isEvent && 'detail' in event ? event.detail : event));
  };
const validatedEvent =
  <Schema extends z.ZodMiniType>(
    schema: Schema,
    behaviour: (event: z.output<Schema>) => Promise<unknown>,
  ): Handler =>
  (event) =>
    behaviour(parsePayload(schema, event));

const perCloud = (
  prefix: string,
  make: (container: Container, cloud: CloudName) => Handler,
): Record<string, (container: Container) => Handler> =>
  Object.fromEntries(
    cloudNames.map((cloud) => [`${prefix}-${cloud}`, (container: Container) => make(container, cloud)]),
  );

const nothing = (): Promise<void> => Promise.resolve();
/** A cluster's API that takes everything and has nothing. */
const quietApi: ClusterApi = {
  get: () => Promise.reject(new Error('nobody reads here')),
  listMetadata: () => Promise.resolve([]),
  apply: nothing,
  patch: nothing,
  post: nothing,
  delete: nothing,
};

/** Each function as its handler.ts wires it, by the name that infra/functions.ts gives it. */
export const functions: Readonly<Record<string, (container: Container) => Handler>> = {
  'serve-api': (container) => {
    const app = createApp({
      store: container.store,
      bus: container.bus(),
      clock: container.clock,
      log: container.log,
      newId: () => container.uuid(),
    });
    return async (event) => {
      const { path, ...init } = event as { path: string } & RequestInit;
      const response = await app.request(`http://simulated${path}`, init);
      return { status: response.status, body: await response.json() };
    };
  },
  'admit-node': (container) => {
    const behaviour = admit(container);
    return (call) => behaviour(call as Parameters<typeof behaviour>[0]);
  },
  'answer-node-sync': (container) => {
    const behaviour = answerSync({
      store: container.store,
      bus: container.bus(),
      clock: container.clock,
      log: container.log,
    });
    return (call) => behaviour(call as Parameters<typeof behaviour>[0]);
  },
  'claim-operation': (container) => validated(claimRequest, claimOperation(container)),
  'settle-operation': (container) => {
    const parts = { store: container.store, bus: container.bus(), clock: container.clock, log: container.log };
    const [settle, release] = [settleOperation(parts), onExecutionEnded(parts)];
    return validated(z.union([settleRequest, executionEnded]), async (request) =>
      'kind' in request ? settle(request) : release(request),
    );
  },
  'request-nodes': (container) =>
    validated(
      requestNodesRequest,
      requestNodes({
        store: container.store,
        bus: container.bus(),
        clock: container.clock,
        log: container.log,
      }),
    ),
  'await-node': (container) => validated(awaitRequest, awaitNode(container)),
  'record-node-joined': (container) => validatedEvent(nodeReport, onNodeReported(container)),
  'drain-node': (container) => validated(drainRequest, drainNode(container)),
  // Nobody serves a Kubernetes API here, and real cryptography knows no virtual time: what is left is the item.
  'configure-cluster': (container) =>
    validated(configureRequest, async ({ clusterId, executionArn }) => {
      await ownedCluster(container.store, clusterId, executionArn);
      const { pki } = container.store;
      const now = container.clock.now();
      const stored = await pki.credential(clusterId);
      if (stored !== undefined && needsRotation(stored, now) === 'no') return { done: true };
      const sealed = { version: 1, dataKey: '', iv: '', tag: '', ciphertext: '' } as const;
      const notAfter = plusSeconds(now, 7 * 24 * 3600);
      await pki.replaceCredential(
        { clusterId, certificatePem: '', notBefore: now, notAfter, sealed },
        stored === undefined ? {} : { notAfterRead: stored.notAfter },
      );
      return { done: true };
    }),
  'forget-node': (container) =>
    validated(
      forgetRequest,
      forgetNode({
        store: container.store,
        access: () => Promise.resolve(quietApi),
        clock: container.clock,
        log: container.log,
      }),
    ),
  'tick-clusters': (container) => {
    const behaviour = onReconcileTick({
      store: container.store,
      observeQueues: Object.fromEntries(
        cloudNames.map((cloud) => [cloud, container.queue(`observe-${cloud}`)]),
      ) as Record<CloudName, Queue>,
      reconcileQueue: container.queue('reconcile'),
      clock: container.clock,
      log: container.log,
    });
    return () => behaviour();
  },
  'reconcile-cluster': (container) => {
    const behaviour = eachMessage(
      container.log,
      reconcileCluster({
        store: container.store,
        bus: container.bus(),
        states: container.states,
        clock: container.clock,
        random: () => container.random(),
        log: container.log,
      }),
    );
    return (event) => behaviour(event as Parameters<typeof behaviour>[0]);
  },
  'record-timeline': (container) => validatedEvent(platformEvent, onEvent(container)),
  ...perCloud('drive-cloud', (container, cloud) =>
    validated(
      driveRequest,
      drive({
        cloud,
        connect: container.connect(cloud),
        store: container.store,
        mac: container.mac,
        clock: container.clock,
        log: container.log,
        installationId,
        apiUrl: 'https://api.simulated.example',
      }),
    ),
  ),
  ...perCloud('observe-cloud', (container, cloud) => {
    const behaviour = eachMessage(
      container.log,
      observe({
        cloud,
        connect: container.connect(cloud),
        store: container.store,
        reconcileQueue: container.queue('reconcile'),
        clock: container.clock,
        log: container.log,
        installationId,
      }),
    );
    return (event) => behaviour(event as Parameters<typeof behaviour>[0]);
  }),
};
