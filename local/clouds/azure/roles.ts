import type { SimulatedRequest } from '../server.ts';
import { ArmError, type Target } from './arm.ts';

/**
 * What an application with the built-in role Reader, whose actions all end in `read`, is told of every other:
 * https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
 */
export function checkReader({ method, url }: SimulatedRequest, { type, child }: Target): void {
  if (method === 'GET' || method === 'HEAD') return;
  const action = method === 'DELETE' ? 'delete' : method === 'POST' ? 'action' : 'write';
  throw new ArmError(
    403,
    'AuthorizationFailed',
    `The client 'read-only' with object id 'read-only' does not have authorization to perform action '${type}${child === undefined ? '' : `/${child}`}/${action}' over scope '${url.pathname}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  );
}
