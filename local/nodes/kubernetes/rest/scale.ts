import { badRequest, invalid, invalidValue, notFound, staleWrite } from '../errors.ts';
import { numberOf, recordOf, type Json } from '../json.ts';
import type { KubernetesObject } from '../model.ts';
import { timestamp } from '../objects.ts';
import { afterUpdate } from '../patch/managed-fields.ts';
import { typeOfKind } from '../schema/types.ts';
import type { ApiContext } from './context.ts';
import type { ApiRequest, Reply, Target } from './request.ts';
import { selectorText } from './tables/column.ts';
import { parsedRecord } from './verbs/body.ts';
import { isDryRun, patched } from './verbs/write.ts';

/** How many there are to be, and nothing else of it. */
function scaleOf(object: KubernetesObject): Json {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = recordOf(object['spec']);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberOf(spec['replicas']) },
    status: {
      replicas: numberOf(recordOf(object['status'])['replicas']),
      selector: selectorText(spec['selector']),
    },
  };
}

export function serveScale(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { kind, name = '', namespace } = target;
  const { objects, clock } = context;
  const before = objects.get(kind.plural, name, namespace);
  if (before === undefined) throw notFound(kind, name);
  if (request.method === 'GET') return { code: 200, body: scaleOf(before) };
  const given = recordOf(
    request.method === 'PUT' ? parsedRecord(request) : patched(request, scaleOf(before), undefined),
  );
  const version = recordOf(given['metadata'])['resourceVersion'];
  if (typeof version === 'string' && version !== '' && version !== before.metadata.resourceVersion)
    throw staleWrite(kind, name);
  const replicas = recordOf(given['spec'])['replicas'] ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas))
    throw badRequest(
      'Scale in version "v1" cannot be handled as a Scale: spec.replicas is not a whole number',
    );
  if (replicas < 0)
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  const changed = { ...before, spec: { ...recordOf(before['spec']), replicas } };
  const manager = {
    name: request.query.get('fieldManager') ?? (request.userAgent.split('/')[0] || 'unknown'),
    operation: 'Update',
    subresource: 'scale',
  } as const;
  const type = typeOfKind(kind) ?? { is: 'any' };
  const next = afterUpdate(before, changed, { manager, type, now: timestamp(clock.now()) });
  const updated = isDryRun(request.query) ? next : objects.update(kind.plural, next);
  return { code: 200, body: scaleOf(updated) };
}
