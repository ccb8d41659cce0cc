import * as z from 'zod/mini';
import { whyNeverInitialised } from '../../shared/planning/why-never-initialised.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { States } from '../../shared/runtime/states.ts';
import type { Store } from '../../shared/runtime/table.ts';

const common = {
  clusterId: z.uuid(),
  executionArn: z.string().check(z.minLength(1)),
  taskToken: z.string().check(z.minLength(1)),
};
export const awaitRequest = z.discriminatedUnion('until', [
  z.strictObject({ until: z.literal('joined'), number: z.int(), attempt: z.int(), ...common }),
  z.strictObject({ until: z.literal('initialised'), ...common }),
]);
export type AwaitRequest = z.infer<typeof awaitRequest>;

/** What a waiting state machine is answered. */
export interface Answer {
  readonly outcome: 'joined' | 'initialised' | 'failed';
  readonly reason?: string;
}

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes'>;
  readonly states: Pick<States, 'answer'>;
  readonly log: Log;
}

/**
 * Leaves the token where whoever brings the news finds it, and answers it itself when the news is already there: both
 * write the same item and read it back, so one of the two sees both.
 */
export const awaitNode =
  ({ store, states, log }: Parts) =>
  async (request: AwaitRequest): Promise<void> => {
    const answer = await answerIfKnown(store, request);
    if (answer === undefined) return;
    const { clusterId, until } = request;
    log.info('nothing to wait for', { clusterId, until, outcome: answer.outcome });
    await states.answer(request.taskToken, answer);
  };

async function answerIfKnown(store: Parts['store'], request: AwaitRequest): Promise<Answer | undefined> {
  const { clusterId, executionArn, taskToken: waitToken } = request;
  if (request.until === 'initialised') {
    const cluster = await store.clusters.setWaitToken(clusterId, executionArn, waitToken);
    if (cluster === undefined) throw new Superseded(`cluster ${clusterId} has changed hands`);
    if (cluster.initialisedAt !== undefined) return { outcome: 'initialised' };
    const reason = whyNeverInitialised(cluster, await store.nodes.list(request.clusterId));
    return reason === undefined ? undefined : { outcome: 'failed', reason };
  }
  const { number, attempt } = request;
  const node = await store.nodes.setWaitToken(clusterId, number, { executionArn, attempt, waitToken });
  if (node === undefined) throw new Superseded(`node ${number} has changed hands or attempt`);
  if (node.desired === 'absent') throw new Superseded(`node ${number} is no longer wanted`);
  if (node.failure !== undefined) return { outcome: 'failed', reason: node.failure.reason };
  return node.joinedAt === undefined ? undefined : { outcome: 'joined' };
}
