import * as z from 'zod/mini';
import { operationSettled } from '../../events/operation-settled.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { SettleParts } from './settlement.ts';

/** EventBridge's "Step Functions Execution Status Change", source `aws.states`. */
export const executionEnded = z.object({
  executionArn: z.string(),
  status: z.string(),
  /** The execution's input as JSON text; null when it was too long to carry. */
  input: z.nullish(z.string()),
});
export type ExecutionEnded = z.infer<typeof executionEnded>;

const input = z.object({ clusterId: z.uuid(), number: z.optional(z.int()) });

/**
 * A run ended without settling: whatever it still owns is released, and nothing that it does not own any more is touched.
 * The reconciler decides what comes next.
 */
export const onExecutionEnded =
  ({ store, bus, clock, log }: Pick<SettleParts, 'store' | 'bus' | 'clock' | 'log'>) =>
  async ({ executionArn, status, input: text }: ExecutionEnded): Promise<{ again: false }> => {
    const asked = z.safeParse(input, parse(text));
    // One that runs still owns; of what it ran for there is no way to tell without its input, and the tick will see.
    if (status === 'RUNNING' || !asked.success) return { again: false };
    const { clusterId, number } = asked.data;
    const now = clock.now();
    const item: Cluster | Node | undefined =
      number === undefined ? await store.clusters.get(clusterId) : await store.nodes.get(clusterId, number);
    if (item?.operation?.executionArn !== executionArn) return { again: false };
    const isReleased =
      number === undefined
        ? await store.clusters.release(clusterId, executionArn, now)
        : await store.nodes.release(clusterId, number, executionArn);
    if (!isReleased) return { again: false };
    await store.clusters.makeDue(clusterId, now);
    const { kind } = item.operation;
    const settled = {
      clusterId,
      kind,
      outcome: status === 'SUCCEEDED' ? ('superseded' as const) : ('failed' as const),
      ...(number !== undefined && { number }),
      reason: `the execution ended as ${status}`,
    };
    await bus.say(operationSettled, settled);
    log.warn('owner ended without settling', { ...settled, executionArn });
    return { again: false };
  };

function parse(text: string | null | undefined): unknown {
  if (text === null || text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
