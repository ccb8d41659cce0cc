import type { Action } from '../access/action.ts';
import { grantsOf } from '../access/rbac.ts';
import { mastersGroup } from '../access/authorizer.ts';
import type { User } from '../access/user.ts';
import { badRequest } from '../errors.ts';
import { isRecord, recordOf, stringsOf, textOf, type Json } from '../json.ts';
import { timestamp } from '../objects.ts';
import type { ApiContext } from './context.ts';
import type { ApiRequest, Reply, Target } from './request.ts';
import { parsedRecord } from './verbs/body.ts';

function actionOf(spec: Json): Action {
  const path = recordOf(spec['nonResourceAttributes']);
  if (isRecord(spec['nonResourceAttributes']))
    return { verb: textOf(path['verb']), path: textOf(path['path']) };
  const wanted = recordOf(spec['resourceAttributes']);
  if (!isRecord(spec['resourceAttributes']))
    throw badRequest(
      'spec.resourceAttributes: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
  const [subresource, namespace, name] = ['subresource', 'namespace', 'name'].map((field) =>
    textOf(wanted[field]),
  );
  return {
    verb: textOf(wanted['verb']),
    group: textOf(wanted['group']),
    plural: textOf(wanted['resource']),
    ...(subresource ? { subresource } : {}),
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
  };
}

/** Everything that the user may do in a namespace: `kubectl auth can-i --list`. */
function rulesFor({ objects }: ApiContext, user: User, namespace: string): Json {
  const all = user.groups.includes(mastersGroup);
  const rules: readonly Json[] = all
    ? [
        { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        { nonResourceURLs: ['*'], verbs: ['*'] },
      ]
    : grantsOf(objects, user)
        .filter((grant) => grant.namespace === undefined || grant.namespace === namespace)
        .map(({ rule }) => rule);
  return {
    resourceRules: rules.filter((rule) => stringsOf(rule['resources']).length > 0),
    nonResourceRules: rules.filter((rule) => stringsOf(rule['nonResourceURLs']).length > 0),
    incomplete: false,
  };
}

/** Questions that are answered and not stored. */
export function review(context: ApiContext, request: ApiRequest, { kind }: Target): Reply {
  const body = parsedRecord(request);
  const spec = recordOf(body['spec']);
  const { user } = request;
  const allowed = (who: User): Json => ({ allowed: context.authorize(who, actionOf(spec)) });
  const answer = (): Json => {
    switch (kind.plural) {
      case 'selfsubjectreviews':
        return { userInfo: { username: user.name, groups: user.groups } };
      case 'selfsubjectrulesreviews':
        return rulesFor(context, user, textOf(spec['namespace']));
      case 'selfsubjectaccessreviews':
        return allowed(user);
      default:
        return allowed({ name: textOf(spec['user']), groups: stringsOf(spec['groups']) });
    }
  };
  return {
    code: 201,
    body: {
      ...body,
      metadata: { creationTimestamp: timestamp(context.clock.now()) },
      status: answer(),
    },
  };
}
