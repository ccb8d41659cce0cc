import { listOf, recordOf, stringsOf, textOf, type Json } from '../json.ts';
import type { ClusterObjects, KubernetesObject } from '../model.ts';
import { isPathAction, ruleResource, type Action } from './action.ts';
import type { User } from './user.ts';

/** A binding and the rules that it gives, with the namespace that they count in; undefined: everywhere. */
export interface Grant {
  readonly rule: Json;
  readonly namespace: string | undefined;
}

function isSubject(user: User, subject: Json, bindingNamespace: string | undefined): boolean {
  const name = textOf(subject['name']);
  switch (subject['kind']) {
    case 'User':
      return user.name === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount': {
      const namespace = textOf(subject['namespace']) || (bindingNamespace ?? '');
      return user.name === `system:serviceaccount:${namespace}:${name}`;
    }
    default:
      return false;
  }
}

function rulesOf(objects: ClusterObjects, roleRef: Json, namespace: string | undefined): readonly Json[] {
  const name = textOf(roleRef['name']);
  const role =
    roleRef['kind'] === 'ClusterRole'
      ? objects.get('clusterroles', name)
      : objects.get('roles', name, namespace);
  return listOf(role?.['rules']);
}

/** Everything that the stored roles and bindings give to a user. */
export function grantsOf(objects: ClusterObjects, user: User): readonly Grant[] {
  const from = (binding: KubernetesObject): readonly Grant[] => {
    const { namespace } = binding.metadata;
    if (!listOf(binding['subjects']).some((subject) => isSubject(user, subject, namespace))) return [];
    return rulesOf(objects, recordOf(binding['roleRef']), namespace).map((rule) => ({ rule, namespace }));
  };
  return [...objects.list('clusterrolebindings'), ...objects.list('rolebindings')].flatMap(from);
}

const has = (list: unknown, value: string): boolean => {
  const values = stringsOf(list);
  return values.includes('*') || values.includes(value);
};

const fitsPath = (patterns: unknown, path: string): boolean =>
  stringsOf(patterns).some(
    (pattern) => pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))),
  );

function allows({ rule, namespace }: Grant, action: Action): boolean {
  if (!has(rule['verbs'], action.verb)) return false;
  if (isPathAction(action)) return namespace === undefined && fitsPath(rule['nonResourceURLs'], action.path);
  if (namespace !== undefined && namespace !== action.namespace) return false;
  if (!has(rule['apiGroups'], action.group)) return false;
  const resource = ruleResource(action);
  const anyOfSubresource = action.subresource !== undefined && `*/${action.subresource}`;
  const resources = stringsOf(rule['resources']);
  if (!has(resources, resource) && !(anyOfSubresource !== false && resources.includes(anyOfSubresource)))
    return false;
  const names = stringsOf(rule['resourceNames']);
  return names.length === 0 || (action.name !== undefined && names.includes(action.name));
}

export const allowedByRbac = (objects: ClusterObjects, user: User, action: Action): boolean =>
  grantsOf(objects, user).some((grant) => allows(grant, action));
