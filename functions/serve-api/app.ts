import type { Hono } from 'hono';
import { clusterDeletionRequested } from '../../events/cluster-deletion-requested.ts';
import type {
  AppliedCluster,
  ClusterDetails,
  ListOf,
  NodeView,
  SnapshotView,
} from '../../shared/domain/api-types.ts';
import { clusterView } from '../../shared/domain/cluster-view.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { ingressDefault } from '../../shared/domain/load-balancer.ts';
import { nodesPerPlanMax } from '../../shared/domain/node.ts';
import { materialiseNode } from '../../shared/planning/plan-cluster.ts';
import type { PeopleEnvironment } from '../../shared/runtime/people-http/caller.ts';
import { findCluster, mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { createPeopleApp } from '../../shared/runtime/people-http/people-app.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import { addNodes } from './add-nodes.ts';
import type { ApiDependencies } from './api.ts';
import { refuseChanges } from './apply-cluster.ts';
import { changeIngress } from './change-ingress.ts';
import { auditOf, type PolicyEdit } from './change-policies.ts';
import { addNodesDocument, clusterDocument, restoreDocument } from './cluster-document.ts';
import { createCluster, foreseeCluster, readRequest } from './create-cluster.ts';
import { listOfferings } from './list-offerings.ts';
import { namesView } from './names-view.ts';
import { addPolicyRoutes, editPolicies } from './policy-routes.ts';
import { readBody } from '../../shared/runtime/people-http/read-body.ts';
import { removeNodes } from './remove-nodes.ts';
import {
  bodyOf,
  booleanOf,
  isDryRun,
  keyOf,
  limitOf,
  wholeNumber,
  type ApiContext,
} from '../../shared/runtime/people-http/request.ts';
import { restoreCluster } from './restore.ts';
import { clusterDetails, nodeView, snapshotView } from './views.ts';

const shownMax = 64;

/** The public API's routes. Each reads, asks a planner, makes one conditional write, and says what happened. */
export function createApp(dependencies: ApiDependencies): Hono<PeopleEnvironment> {
  const { store, bus, clock, log } = dependencies;
  const app = createPeopleApp(dependencies, {
    scopeOf: (method) => (method === 'GET' ? 'read' : 'write'),
    problemFrom: fromStore,
  });

  const clusterOf = (context: ApiContext): Promise<Cluster> =>
    findCluster(store, context.req.param('cluster') ?? '');
  const nodesOf = async (cluster: Cluster): Promise<readonly NodeView[]> => {
    const nodes = await store.nodes.list(cluster.id);
    const known = new Set(nodes.map(({ id }) => id));
    const planned = (cluster.pendingPlan?.nodes ?? [])
      .filter(({ id }) => !known.has(id))
      .map((node) => materialiseNode({ cluster, planned: node, now: clock.now() }));
    return [...nodes, ...planned].map((node) => nodeView(cluster, node));
  };
  const detailsOf = async (cluster: Cluster): Promise<ClusterDetails> => {
    const [nodes, parts, published, findings] = await Promise.all([
      nodesOf(cluster),
      store.parts.list(cluster.id),
      dependencies.zone && store.dns.get(cluster.id),
      store.observations.findings(cluster.id),
    ]);
    const names = namesView(cluster, dependencies.zone, published);
    return clusterDetails(cluster, { nodes, parts, names, findings });
  };

  app.get('/clusters', async (context) => {
    const cursor = context.req.query('cursor');
    const page = await store.clusters.list({
      limit: limitOf(context),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return context.json({ ...page, items: page.items.map(clusterView) });
  });

  app.get('/offerings', async (context) => context.json(await listOfferings(dependencies, context)));

  app.post('/clusters', async (context) => {
    const { text, type } = await bodyOf(context);
    const request = await readRequest(dependencies, readBody(text, type, clusterDocument));
    const { created, details } = await createCluster(dependencies, {
      caller: context.get('caller'),
      request,
      ...keyOf(context),
    });
    return context.json(details, created ? 201 : 200);
  });

  app.put('/clusters/:cluster', async (context) => {
    const { text, type } = await bodyOf(context);
    const document = readBody(text, type, clusterDocument);
    const request = await readRequest(dependencies, document);
    const name = context.req.param('cluster');
    if (request.name !== name)
      throw new Problem(400, `metadata.name: is ${request.name}, and the path says ${name}`, [
        { field: 'metadata.name', message: `must be ${name}, as the path says` },
      ]);
    const id = await store.names.lookUp(name);
    const known = id === undefined ? undefined : await store.clusters.get(id);
    if (known !== undefined) {
      mustLive(known);
      refuseChanges(known, request, document.spec);
      // A file that is silent about policies leaves them to whoever set them; an empty object says that there are none.
      const next: PolicyEdit['next'] =
        document.spec.policies === undefined ? (now) => now : () => request.policies;
      const edited = await editPolicies(dependencies, context, {
        cluster: known,
        next,
        within: 'spec.policies.',
      });
      // As with policies: what a file is silent about stays as it is.
      const { cluster, changes: ofIngress } = await changeIngress(dependencies, {
        cluster: edited.cluster,
        ingress:
          document.spec.ingress?.loadBalancers === undefined
            ? (edited.cluster.ingress ?? ingressDefault)
            : request.ingress,
        dryRun: isDryRun(context),
      });
      const changes = [...edited.changes, ...ofIngress];
      const audit = isDryRun(context) ? undefined : auditOf(changes);
      if (audit !== undefined) context.set('auditDetails', audit);
      const applied: AppliedCluster = {
        ...(await detailsOf(cluster)),
        change: changes.length === 0 ? 'unchanged' : 'changed',
        changes,
      };
      return context.json(applied);
    }
    if (isDryRun(context)) {
      const foreseen = await foreseeCluster(dependencies, { request, caller: context.get('caller') });
      const applied: AppliedCluster = { ...foreseen, change: 'created', changes: [] };
      return context.json(applied);
    }
    const { created, details } = await createCluster(dependencies, {
      caller: context.get('caller'),
      request,
      ...keyOf(context),
    });
    const applied: AppliedCluster = { ...details, change: 'created', changes: [] };
    return context.json(applied, created ? 201 : 200);
  });

  addPolicyRoutes(app, dependencies);
  app.get('/clusters/:cluster', async (context) => context.json(await detailsOf(await clusterOf(context))));

  app.delete('/clusters/:cluster', async (context) => {
    const cluster = await clusterOf(context);
    if (cluster.status === 'deleted') return context.json(clusterView(cluster));
    const { key } = context.get('caller');
    // Asked for before: the record stands, only its event is said again.
    await store.clusters.requestDeletion(cluster.id, { by: key.name, now: clock.now() });
    await bus.say(clusterDeletionRequested, { clusterId: cluster.id });
    log.info('deletion requested', { clusterId: cluster.id });
    return context.json(clusterView((await store.clusters.get(cluster.id)) ?? cluster), 202);
  });

  app.get('/clusters/:cluster/nodes', async (context) => {
    const list: ListOf<NodeView> = { items: await nodesOf(await clusterOf(context)) };
    return context.json(list);
  });

  app.post('/clusters/:cluster/nodes', async (context) => {
    const cluster = await clusterOf(context);
    const { text, type } = await bodyOf(context);
    const items = await addNodes(dependencies, {
      cluster,
      document: readBody(text, type, addNodesDocument),
      caller: context.get('caller'),
      ...keyOf(context),
    });
    return context.json({ items }, 202);
  });

  /** Of one by its path, or of several by `?number=5&number=6`. */
  const remove = async (context: ApiContext, given: readonly string[]): Promise<Response> => {
    const cluster = await clusterOf(context);
    const unknown = given.find((each) => wholeNumber(each) === undefined);
    if (unknown !== undefined)
      throw new Problem(404, `the cluster ${cluster.name} has no node ${unknown.slice(0, shownMax)}`);
    const numbers = [...new Set(given.map(Number))];
    const drain = booleanOf(context, 'drain', true);
    context.set('auditDetails', {
      numbers: numbers.slice(0, nodesPerPlanMax).join(', '),
      drain: drain ? 'yes' : 'no',
    });
    return context.json(await removeNodes(dependencies, { cluster, numbers, drain }), 202);
  };
  app.delete('/clusters/:cluster/nodes', (context) => remove(context, context.req.queries('number') ?? []));
  app.delete('/clusters/:cluster/nodes/:number', async (context) =>
    remove(context, [context.req.param('number')]),
  );

  app.get('/clusters/:cluster/snapshots', async (context) => {
    const { id } = await clusterOf(context);
    const list: ListOf<SnapshotView> = { items: (await store.snapshots.list(id)).map(snapshotView) };
    return context.json(list);
  });

  app.post('/clusters/:cluster/restore', async (context) => {
    const cluster = await clusterOf(context);
    const { text, type } = await bodyOf(context);
    const restored = await restoreCluster(dependencies, {
      cluster,
      // Nothing said is the newest snapshot.
      document: text === '' ? {} : readBody(text, type, restoreDocument),
      caller: context.get('caller'),
      ...keyOf(context),
    });
    if (restored.restore !== undefined) context.set('auditDetails', { snapshot: restored.restore.snapshot });
    return context.json(clusterView(restored), 202);
  });

  app.get('/clusters/:cluster/events', async (context) => {
    const cluster = await clusterOf(context);
    const after = context.req.query('after');
    const page = await store.timeline.list(cluster.id, {
      limit: limitOf(context),
      ...(after === undefined ? {} : { after }),
    });
    return context.json(page);
  });
  return app;
}

const fromStore = (error: Error): Problem | undefined =>
  error.name === 'InvalidCursor' ? new Problem(400, 'cursor: is not one that this API gave') : undefined;
