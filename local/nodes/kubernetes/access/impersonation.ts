import type { IncomingHttpHeaders } from 'node:http';
import { refusal } from './action.ts';
import type { Authorize } from './authorizer.ts';
import type { User } from './user.ts';

/**
 * `kubectl --as`: whoever may impersonate acts as somebody else.
 *
 * @throws ApiError Forbidden
 */
export function impersonated(user: User, headers: IncomingHttpHeaders, authorize: Authorize): User {
  const name = headers['impersonate-user'];
  if (typeof name !== 'string' || name === '') return user;
  const given = headers['impersonate-group'];
  const groups = (typeof given === 'string' ? given.split(',') : (given ?? [])).map((each) => each.trim());
  for (const [plural, each] of [['users', name], ...groups.map((group) => ['groups', group])]) {
    const action = { verb: 'impersonate', group: '', plural: plural ?? '', name: each ?? '' };
    if (!authorize(user, action)) throw refusal(user, action);
  }
  return { name, groups: [...groups, 'system:authenticated'] };
}
