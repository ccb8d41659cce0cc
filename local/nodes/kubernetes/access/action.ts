import { ApiError, forbidden } from '../errors.ts';
import type { User } from './user.ts';

/** What a request wants to do with resources. */
export interface ResourceAction {
  readonly verb: string;
  readonly group: string;
  readonly plural: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
}

/** What a request wants outside of resources: discovery, health. */
export interface PathAction {
  readonly verb: string;
  readonly path: string;
}

export type Action = ResourceAction | PathAction;

export const isPathAction = (action: Action): action is PathAction => 'path' in action;

/** `pods/log`: how rules and messages name a subresource. */
export const ruleResource = ({ plural, subresource }: ResourceAction): string =>
  subresource === undefined ? plural : `${plural}/${subresource}`;

/** In the words of Kubernetes, which people search for. */
export function refusal(user: User, action: Action): ApiError {
  if (isPathAction(action))
    return new ApiError(
      403,
      'Forbidden',
      `forbidden: User ${JSON.stringify(user.name)} cannot ${action.verb} path ${JSON.stringify(action.path)}`,
    );
  const { verb, group, namespace, name = '' } = action;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return forbidden(
    action,
    name,
    `User ${JSON.stringify(user.name)} cannot ${verb} resource "${ruleResource(action)}" in API group "${group}" ${where}`,
  );
}
