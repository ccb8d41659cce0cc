import { recordOf } from '../../json.ts';
import type { Kind } from '../../kinds.ts';
import type { KubernetesObject } from '../../model.ts';

/** What of an object a subresource may change; the object itself leaves out what has a subresource of its own. */
export function restricted(
  subresource: string | undefined,
  kind: Kind,
  given: KubernetesObject,
  before: KubernetesObject,
): KubernetesObject {
  const { managedFields } = given.metadata;
  const marks = managedFields === undefined ? {} : { managedFields };
  const { status: statusBefore, ...restBefore } = before;
  switch (subresource) {
    case undefined: {
      if (!kind.subresources.some(({ name }) => name === 'status')) return given;
      const { status: _status, ...rest } = given;
      return statusBefore === undefined ? rest : { ...rest, status: statusBefore };
    }
    case 'status': {
      const { metadata } = given;
      const { labels, annotations } = kind.plural === 'nodes' ? metadata : before.metadata;
      return {
        ...before,
        metadata: {
          ...before.metadata,
          ...(labels === undefined ? {} : { labels }),
          ...(annotations === undefined ? {} : { annotations }),
          ...marks,
        },
        ...(kind.plural === 'certificatesigningrequests'
          ? {
              status: {
                ...recordOf(given['status']),
                // Who may sign may not approve.
                ...(recordOf(statusBefore)['conditions'] === undefined
                  ? {}
                  : { conditions: recordOf(statusBefore)['conditions'] }),
              },
            }
          : { status: given['status'] ?? {} }),
      };
    }
    case 'approval': {
      const { conditions } = recordOf(given['status']);
      return {
        ...(restBefore as KubernetesObject),
        metadata: { ...before.metadata, ...marks },
        status: { ...recordOf(statusBefore), ...(conditions === undefined ? {} : { conditions }) },
      };
    }
    case 'finalize':
      return {
        ...before,
        spec: { ...recordOf(before['spec']), finalizers: recordOf(given['spec'])['finalizers'] ?? [] },
      };
    default: {
      const { ephemeralContainers } = recordOf(given['spec']);
      return { ...before, spec: { ...recordOf(before['spec']), ephemeralContainers } };
    }
  }
}
