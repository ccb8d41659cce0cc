import { storedKinds } from '../kinds.ts';
import type { KubernetesObject } from '../model.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deleteObject, removeWhenFree } from './deletion.ts';

export const firstNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;
const finalizer = 'kubernetes';
const rootAuthority = 'kube-root-ca.crt';

interface Namespace extends KubernetesObject {
  readonly spec?: { readonly finalizers?: readonly string[] };
}

/** Each namespace gets what its pods count on; one that is to go is emptied first. */
export function createNamespaceController(context: ControllerContext): Controller {
  const { objects, hooks } = context;

  const furnish = (namespace: Namespace): void => {
    const { name } = namespace.metadata;
    objects.change('namespaces', name, undefined, (object) => {
      const { spec } = object as Namespace;
      return {
        ...object,
        metadata: {
          ...object.metadata,
          labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': name },
        },
        spec: spec?.finalizers === undefined ? { ...spec, finalizers: [finalizer] } : spec,
        status: { ...(object['status'] as object | undefined), phase: 'Active' },
      };
    });
    if (objects.get('serviceaccounts', 'default', name) === undefined) {
      objects.create('serviceaccounts', {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', namespace: name },
      });
    }
    const data = { 'ca.crt': hooks.authority.certificatePem };
    if (objects.get('configmaps', rootAuthority, name) === undefined) {
      objects.create('configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: rootAuthority,
          namespace: name,
          annotations: {
            'kubernetes.io/description':
              'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
          },
        },
        data,
      });
    } else {
      objects.change('configmaps', rootAuthority, name, (object) => ({ ...object, data }));
    }
  };

  const empty = (name: string): void => {
    let left = 0;
    for (const { plural, namespaced } of storedKinds) {
      if (!namespaced) continue;
      for (const object of objects.list(plural, name)) {
        if (deleteObject(context, plural, object.metadata) !== undefined) left += 1;
      }
    }
    if (left > 0) return;
    const freed = objects.change('namespaces', name, undefined, (object) => {
      const { spec } = object as Namespace;
      return {
        ...object,
        spec: { finalizers: (spec?.finalizers ?? []).filter((each) => each !== finalizer) },
      };
    });
    if (freed !== undefined) removeWhenFree(objects, 'namespaces', freed);
  };

  return {
    name: 'namespaces',
    keys: () => {
      for (const name of firstNamespaces) {
        if (objects.get('namespaces', name) !== undefined) continue;
        objects.create('namespaces', {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
          spec: { finalizers: [finalizer] },
          status: { phase: 'Active' },
        });
      }
      return objects.list('namespaces').map(({ metadata }) => metadata.name);
    },
    wokenBy: ({ type, plural, object }) => {
      if (plural === 'namespaces') return type === 'DELETED' ? [] : [object.metadata.name];
      const { namespace, name } = object.metadata;
      if (namespace === undefined) return [];
      const leaving = objects.get('namespaces', namespace)?.metadata.deletionTimestamp !== undefined;
      // What comes into a namespace late is taken out again; what goes may have been the last.
      if (leaving) return type === 'MODIFIED' ? [] : [namespace];
      const furniture =
        (plural === 'serviceaccounts' && name === 'default') ||
        (plural === 'configmaps' && name === rootAuthority);
      return furniture && type !== 'ADDED' ? [namespace] : [];
    },
    reconcile: (name) => {
      const namespace: Namespace | undefined = objects.get('namespaces', name);
      if (namespace === undefined) return undefined;
      if (namespace.metadata.deletionTimestamp === undefined) furnish(namespace);
      else empty(name);
      return undefined;
    },
  };
}
