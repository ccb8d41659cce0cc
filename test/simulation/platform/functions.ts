import * as z from 'zod/mini';
import { answerSync } from '../../../functions/answer-node-sync/answer.ts';
import { admit } from '../../../functions/admit-node/admit.ts';
import { awaitNode, awaitRequest } from '../../../functions/await-node/await-node.ts';
import { claimOperation, claimRequest } from '../../../functions/claim-operation/claim-operation.ts';
import {
  configureCluster,
  configureRequest,
} from '../../../functions/configure-cluster/configure-cluster.ts';
import { drainNode, drainRequest } from '../../../functions/drain-node/drain-node.ts';
import { drive, driveRequest } from '../../../functions/drive-cloud/drive.ts';
import { forgetNode, forgetRequest } from '../../../functions/forget-node/forget-node.ts';
import { nodeIsReady, onNodeReady } from '../../../functions/name-workers/on-node-ready.ts';
import { observe } from '../../../functions/observe-cloud/observe.ts';
import { observePods } from '../../../functions/observe-pods/observe-pods.ts';
import { observeDns, observeDnsRequest } from '../../../functions/observe-dns/observe-dns.ts';
import { onSnapshotTaken, snapshotIsTaken } from '../../../functions/prune-snapshots/on-snapshot-taken.ts';
import { reconcileCluster } from '../../../functions/reconcile-cluster/reconcile-cluster.ts';
import { nodeReport, onNodeReported } from '../../../functions/record-node-joined/on-node-reported.ts';
import { onEvent, platformEvent } from '../../../functions/record-timeline/on-event.ts';
import { onSpotInterruption } from '../../../functions/replace-interrupted-node/on-spot-interruption.ts';
import { publishDns, publishRequest } from '../../../functions/publish-dns/publish-dns.ts';
import { refreshOfferings, refreshRequest } from '../../../functions/refresh-offerings/refresh.ts';
import { createApp as createReconcileApp } from '../../../functions/request-reconcile/app.ts';
import { requestNodes, requestNodesRequest } from '../../../functions/request-nodes/request-nodes.ts';
import { spotInterruption } from '../../../events/spot-interruption.ts';
import { createApp } from '../../../functions/serve-api/app.ts';
import { executionEnded, onExecutionEnded } from '../../../functions/settle-operation/on-execution-ended.ts';
import { settleOperation } from '../../../functions/settle-operation/settle-operation.ts';
import { settleRequest } from '../../../functions/settle-operation/settlement.ts';
import { onReconcileTick } from '../../../functions/tick-clusters/on-reconcile-tick.ts';
import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import { plusSeconds } from '../../../shared/domain/ids.ts';
import type { FilesRequest } from '../../../shared/domain/node-protocol.ts';
import { snapshotKey } from '../../../shared/domain/snapshot.ts';
import { mayHaveFiles } from '../../../shared/planning/may-have-files.ts';
import { needsRotation } from '../../../shared/planning/needs-rotation.ts';
import { eachMessage } from '../../../shared/runtime/batch.ts';
import { ClusterUnreachable, type ClusterAccess } from '../../../shared/runtime/cluster-access.ts';
import { isSessionOf, NodeCallRefused, type NodeCall } from '../../../shared/runtime/node-http.ts';
import { parsePayload } from '../../../shared/runtime/observability.ts';
import type { Queue } from '../../../shared/runtime/queue.ts';
import type { ClusterModel, Container } from './container.ts';

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

/*
 * Real cryptography knows no virtual time, so nothing is signed or sealed here: the items and the decisions about them are
 * real, what they hold is blank.
 */
const blank = { version: 1, dataKey: '', iv: '', tag: '', ciphertext: '' } as const;
const credentialSeconds = 7 * 24 * 3600;
const refuse = (): never => {
  throw new Error('the simulation has no cryptography: a blank credential should have been there');
};
const noCryptography = { generateDataKey: refuse, decrypt: refuse, randomBytes: refuse };

/** What configure-cluster would otherwise issue; it finds this one and lets it be. */
async function keepBlankCredential({ store, clock }: Container, clusterId: string): Promise<void> {
  const now = clock.now();
  const stored = await store.pki.credential(clusterId);
  if (stored !== undefined && needsRotation(stored, now) === 'no') return;
  if ((await store.pki.get(clusterId)) === undefined) return;
  await store.pki.replaceCredential(
    {
      clusterId,
      certificatePem: '',
      notBefore: now,
      notAfter: plusSeconds(now, credentialSeconds),
      sealed: blank,
    },
    stored === undefined ? {} : { notAfterRead: stored.notAfter },
  );
}

/** A cluster's API: there while one of its control planes runs. Pods and nodes are a model's; all else it takes as it is sent. */
const accessOf =
  (container: Container): ClusterAccess =>
  async (cluster) => {
    const call = <T>(what: string, answer: (api: ClusterModel) => T): Promise<T> =>
      container.callCluster(cluster.id, what, answer, () => {
        throw new ClusterUnreachable(`no control plane of ${cluster.name} answers`);
      });
    const takes = (what: string): Promise<void> => call(what, () => {});
    return {
      get: async (path, schema) => z.parse(schema, await call('get', (api) => api.get(cluster.id, path))),
      listMetadata: async () => call('list', () => []),
      apply: () => takes('apply'),
      patch: (path, change) => call('patch', (api) => api.patch(cluster.id, path, change)),
      post: (path) => call('post', (api) => api.post(cluster.id, path)),
      delete: () => takes('delete'),
    };
  };

/** What the HTTP API hands to a function, and what it is answered. */
const answering =
  (app: Pick<ReturnType<typeof createApp>, 'request'>): Handler =>
  async (event) => {
    const { path, ...init } = event as { path: string } & RequestInit;
    const response = await app.request(`http://simulated${path}`, init);
    return { status: response.status, body: await response.json() };
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
    return answering(app);
  },
  'request-reconcile': (container) => {
    const { store, clock, log } = container;
    const app = createReconcileApp({ store, clock, log, newId: () => container.uuid() });
    return answering(app);
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
      ...(container.presign !== undefined && { presign: container.presign }),
    });
    return (call) => behaviour(call as Parameters<typeof behaviour>[0]);
  },
  'claim-operation': (container) => validated(claimRequest, claimOperation(container)),
  'settle-operation': (container) => {
    const parts = {
      store: container.store,
      bus: container.bus(),
      clock: container.clock,
      log: container.log,
    };
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
  'drain-node': (container) => {
    const { store, clock, log } = container;
    return validated(
      drainRequest,
      drainNode({ store, clock, log, access: accessOf(container), bus: container.bus() }),
    );
  },
  'issue-node-files': (container) => {
    const { store, clock, log } = container;
    return async (event) => {
      const { clusterId, number, bearer, body } = event as NodeCall<FilesRequest>;
      const { cluster, node } = await store.syncView(clusterId, number);
      if (cluster === undefined || !isSessionOf(node, bearer) || node.attempt !== body.attempt)
        throw new NodeCallRefused(401, 'the session is not valid for this node');
      const verdict = mayHaveFiles({ cluster, node });
      if ('refused' in verdict) throw new NodeCallRefused(403, verdict.refused);
      if (node.providerId === undefined) throw new NodeCallRefused(503, 'the machine is not recorded yet');
      const stored = await store.pki.get(clusterId);
      if (stored === undefined && verdict.give !== 'init') throw new Error('the authorities are lost');
      if (stored === undefined)
        await store.pki.create({ clusterId, createdAt: clock.now(), caCertificatePem: '', sealed: blank });
      log.info('files issued', { clusterId, number, files: verdict.give });
      if (verdict.give !== 'restore' || container.presign === undefined) return { files: [] };
      const content = await container.presign({
        method: 'GET',
        key: snapshotKey(clusterId, verdict.snapshot),
        secondsMax: 1800,
      });
      return { files: [{ path: '/etc/overcast/snapshot.url', mode: '0600', content }] };
    };
  },
  'name-workers': (container) => {
    const { store, log } = container;
    return validatedEvent(nodeIsReady, onNodeReady({ store, log, access: accessOf(container) }));
  },
  'configure-cluster': (container) => {
    const { store, clock, log } = container;
    const configure = configureCluster({
      store,
      clock,
      log,
      access: accessOf(container),
      dataKeys: noCryptography,
      randomBytes: noCryptography.randomBytes,
    });
    return validated(configureRequest, async (request) => {
      await keepBlankCredential(container, request.clusterId);
      return configure(request);
    });
  },
  'forget-node': (container) =>
    validated(
      forgetRequest,
      forgetNode({ store: container.store, access: accessOf(container), log: container.log }),
    ),
  'publish-dns': (container) => {
    const { store, clock, log } = container;
    return validated(
      publishRequest,
      publishDns({ store, clock, log, dns: container.dns(), newNonce: () => container.uuid() }),
    );
  },
  'prune-snapshots': (container) => {
    const { store, clock, log } = container;
    const objects = container.snapshotObjects();
    return validatedEvent(snapshotIsTaken, onSnapshotTaken({ store, objects, clock, log }));
  },
  'tick-clusters': (container) => {
    const behaviour = onReconcileTick({
      store: container.store,
      observeQueues: Object.fromEntries(
        cloudNames.map((cloud) => [cloud, container.queue(`observe-${cloud}`)]),
      ) as Record<CloudName, Queue>,
      observePodsQueue: container.queue('observe-pods'),
      reconcileQueue: container.queue('reconcile'),
      clock: container.clock,
      log: container.log,
    });
    return () => behaviour();
  },
  'observe-dns': (container) => {
    const { store, clock, log } = container;
    const [dns, reconcileQueue] = [container.dns(), container.queue('reconcile')];
    return validated(observeDnsRequest, observeDns({ store, dns, reconcileQueue, clock, log }));
  },
  'observe-pods': (container) => {
    const { store, clock, log } = container;
    const behaviour = eachMessage(
      log,
      observePods({
        store,
        access: accessOf(container),
        reconcileQueue: container.queue('reconcile'),
        clock,
        log,
      }),
    );
    return (event) => behaviour(event as Parameters<typeof behaviour>[0]);
  },
  'reconcile-cluster': (container) => {
    const behaviour = eachMessage(
      container.log,
      reconcileCluster({
        store: container.store,
        bus: container.bus(),
        states: container.states,
        zone: container.dns()?.zone,
        clock: container.clock,
        random: () => container.random(),
        newId: () => container.uuid(),
        log: container.log,
      }),
    );
    return (event) => behaviour(event as Parameters<typeof behaviour>[0]);
  },
  'replace-interrupted-node': (container) =>
    validated(
      spotInterruption.schema,
      onSpotInterruption({
        store: container.store,
        bus: container.bus(),
        clock: container.clock,
        newId: () => container.uuid(),
        log: container.log,
        pause: (milliseconds) => container.sleep(milliseconds / 1000),
      }),
    ),
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
        ownQueue: container.queue(`observe-${cloud}`),
        clock: container.clock,
        log: container.log,
        installationId,
      }),
    );
    return (event) => behaviour(event as Parameters<typeof behaviour>[0]);
  }),
  ...perCloud('refresh-offerings', (container, cloud) =>
    validated(
      refreshRequest,
      refreshOfferings({
        cloud,
        connect: container.connectOfferings(cloud),
        store: container.store,
        clock: container.clock,
        log: container.log,
      }),
    ),
  ),
};
