import { evictPod } from '../controllers/eviction.ts';
import { badRequest, conflict, invalid, notFound, required } from '../errors.ts';
import { listOf, recordOf, textOf } from '../json.ts';
import type { KubernetesObject } from '../model.ts';
import { timestamp } from '../objects.ts';
import type { ApiContext } from './context.ts';
import type { ApiRequest, Reply, Target } from './request.ts';
import { parsedRecord } from './verbs/body.ts';
import { deletionOf } from './verbs/remove.ts';
import { isDryRun } from './verbs/write.ts';

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as const;

function podOf({ objects }: ApiContext, { kind, name = '', namespace }: Target): KubernetesObject {
  const pod = objects.get('pods', name, namespace);
  if (pod === undefined) throw notFound(kind, name);
  return pod;
}

/** What a scheduler does: the pod belongs to that node from now on. */
export function bind(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const pod = podOf(context, target);
  const body = parsedRecord(request);
  const { name } = pod.metadata;
  const node = textOf(recordOf(body['target'])['name']);
  if (node === '') throw invalid({ group: '', kind: 'Binding' }, name, [required('target.name')]);
  const spec = recordOf(pod['spec']);
  if (pod.metadata.deletionTimestamp !== undefined)
    throw conflict(target.kind, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (textOf(spec['nodeName']) !== '')
    throw conflict(
      target.kind,
      name,
      `pod ${name} is already assigned to node ${JSON.stringify(spec['nodeName'])}`,
    );
  const status = recordOf(pod['status']);
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(context.clock.now()),
  };
  const conditions = listOf(status['conditions']).filter((each) => each['type'] !== 'PodScheduled');
  if (!isDryRun(request.query))
    context.objects.update('pods', {
      ...pod,
      spec: { ...spec, nodeName: node },
      status: { ...status, conditions: [...conditions, scheduled] },
    });
  return { code: 201, body: success };
}

/** A deletion that disruption budgets have a say in. */
export function evict(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { objects, clock } = context;
  const pod = podOf(context, target);
  const body = parsedRecord(request);
  const { kind, apiVersion } = body;
  if (textOf(kind) !== 'Eviction' || !textOf(apiVersion).startsWith('policy/'))
    throw badRequest(`${textOf(kind)} in version "v1" cannot be handled as a Eviction`);
  const options = recordOf(body['deleteOptions']);
  const { graceSeconds } = deletionOf(options);
  evictPod(
    { objects, clock },
    {
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name,
      dryRun: isDryRun(request.query, options),
      ...(graceSeconds === undefined ? {} : { graceSeconds }),
    },
  );
  return { code: 201, body: success };
}

/** Simulated containers say one line each. */
export function log(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const pod = podOf(context, target);
  const containers = listOf(recordOf(pod['spec'])['containers']).map((each) => textOf(each['name']));
  const asked = request.query.get('container') ?? '';
  if (asked === '' && containers.length > 1)
    throw badRequest(
      `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${containers.join(' ')}]`,
    );
  const container = asked === '' ? (containers[0] ?? '') : asked;
  if (!containers.includes(container))
    throw badRequest(`container ${container} is not valid for pod ${pod.metadata.name}`);
  const started = listOf(recordOf(pod['status'])['containerStatuses']).some(
    (each) => each['name'] === container && recordOf(each['state'])['waiting'] === undefined,
  );
  if (!started)
    throw badRequest(
      `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} is waiting to start: ContainerCreating`,
    );
  const text =
    context.hooks.podLog?.(pod, container) ??
    `${container}: a simulated container, which has nothing to say\n`;
  return { code: 200, body: text, contentType: 'text/plain' };
}
