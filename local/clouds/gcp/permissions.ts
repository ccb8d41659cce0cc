import { Failure } from './failure.ts';

/** What a call of the Compute Engine API is about, below the project: `zones/us-east4-a`, `instances`, `n`, `setLabels`. */
interface Place {
  readonly project: string;
  readonly scope: string;
  readonly kind: string;
  readonly name: string;
  readonly verb: string;
}

/** The IAM permission that a change takes: https://cloud.google.com/compute/docs/reference/rest/v1, method by method. */
function permissionOf(method: string, { kind, verb }: Place): string {
  if (verb !== '') return `compute.${kind}.${verb}`;
  const action = { POST: 'create', DELETE: 'delete', PATCH: 'update', PUT: 'update' }[method];
  return `compute.${kind}.${action ?? method.toLowerCase()}`;
}

/** They read although they are POSTs: `compute.zoneOperations.get`, and `compute.instanceGroups.list`. */
const readingPosts = new Set(['operations/wait', 'instanceGroups/listInstances']);

/** What a service account with the role Compute Viewer is told of any change: that it lacks the one permission for it. */
export function checkViewer(method: string, place: Place): void {
  if (method === 'GET' || readingPosts.has(`${place.kind}/${place.verb}`)) return;
  const resource = [`projects/${place.project}`, place.scope, place.kind, place.name]
    .filter((part) => part !== '')
    .join('/');
  throw new Failure(
    403,
    'forbidden',
    `Required '${permissionOf(method, place)}' permission for '${resource}'`,
  );
}
