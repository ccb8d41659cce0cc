import * as z from 'zod/mini';
import { abandonAttempt } from './verbs/abandon-attempt.ts';
import { collapse } from './verbs/collapse.ts';
import { createMachine } from './verbs/create-machine.ts';
import { deleteMachine } from './verbs/delete-machine.ts';
import { ensureLoadBalancer } from './verbs/ensure-load-balancer.ts';
import { ensureNetwork } from './verbs/ensure-network.ts';
import { guard } from './verbs/guard.ts';
import { joinLoadBalancer, leaveLoadBalancer } from './verbs/load-balancer-membership.ts';
import { repair } from './verbs/repair.ts';
import { verifyGone } from './verbs/verify-gone.ts';
import { isCloudError } from '../../shared/runtime/cloud.ts';
import type { DriveParts } from './parts.ts';
import { pauseLooks } from './pause-looks.ts';

const cluster = { clusterId: z.uuid(), executionArn: z.string().check(z.minLength(1)) };
const node = { ...cluster, number: z.int() };

export const driveRequest = z.discriminatedUnion('verb', [
  z.strictObject({ verb: z.literal('ensureNetwork'), ...cluster }),
  z.strictObject({ verb: z.literal('repair'), ...cluster }),
  z.strictObject({ verb: z.literal('ensureLoadBalancer'), ...cluster, isLastTry: z.boolean() }),
  z.strictObject({ verb: z.literal('joinLoadBalancer'), ...node }),
  z.strictObject({ verb: z.literal('leaveLoadBalancer'), ...node }),
  z.strictObject({ verb: z.literal('createMachine'), ...node, forgotten: z.int() }),
  z.strictObject({ verb: z.literal('abandonAttempt'), ...node, reason: z.string() }),
  z.strictObject({ verb: z.literal('deleteMachine'), ...node }),
  z.strictObject({ verb: z.literal('guard'), ...cluster }),
  z.strictObject({ verb: z.literal('collapse'), ...cluster }),
  z.strictObject({ verb: z.literal('verifyGone'), ...cluster }),
]);
export type DriveRequest = z.infer<typeof driveRequest>;

/**
 * One step in one cloud. Each may be called again at any time: it looks at what is stored and what is there, and does
 * what is missing. What the cloud refuses passes through under the names of the cloud errors.
 */
export const drive =
  (parts: DriveParts) =>
  async (request: DriveRequest): Promise<unknown> => {
    try {
      return await carryOut(parts, request);
    } catch (error) {
      if (isCloudError(error, 'Throttled'))
        await pauseLooks(parts, request.clusterId, error.retryAfterSeconds);
      throw error;
    }
  };

function carryOut(parts: DriveParts, request: DriveRequest): Promise<unknown> {
  if (request.verb === 'ensureNetwork') return ensureNetwork(parts, request);
  if (request.verb === 'repair') return repair(parts, request);
  if (request.verb === 'ensureLoadBalancer') return ensureLoadBalancer(parts, request);
  if (request.verb === 'joinLoadBalancer') return joinLoadBalancer(parts, request);
  if (request.verb === 'leaveLoadBalancer') return leaveLoadBalancer(parts, request);
  if (request.verb === 'createMachine') return createMachine(parts, request);
  if (request.verb === 'abandonAttempt') return abandonAttempt(parts, request);
  if (request.verb === 'deleteMachine') return deleteMachine(parts, request);
  if (request.verb === 'guard') return guard(parts, request);
  if (request.verb === 'collapse') return collapse(parts, request);
  return verifyGone(parts, request);
}
