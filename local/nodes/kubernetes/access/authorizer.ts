import type { ClusterObjects } from '../model.ts';
import { isPathAction, type Action } from './action.ts';
import { allowedToNode } from './node-authorizer.ts';
import { allowedByRbac } from './rbac.ts';
import { nodeOf, type User } from './user.ts';

/** This group needs no binding and cannot be unbound. */
export const mastersGroup = 'system:masters';

export type Authorize = (user: User, action: Action) => boolean;

/** One of them has to allow it: the masters' group, the node authorizer, RBAC. */
export const createAuthorizer =
  (objects: ClusterObjects): Authorize =>
  (user, action) => {
    if (user.groups.includes(mastersGroup)) return true;
    const node = nodeOf(user);
    if (node !== undefined && !isPathAction(action) && allowedToNode(objects, node, action)) return true;
    return allowedByRbac(objects, user, action);
  };
