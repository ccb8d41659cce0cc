import * as z from 'zod/mini';
import { spotInterruption } from '../../events/spot-interruption.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** As EC2 writes them. Their `resources` name another form of the instance in some of them: only the detail is read. */
export const ec2Event = z.object({
  'detail-type': z.enum([
    'EC2 Spot Instance Interruption Warning',
    'EC2 Instance Rebalance Recommendation',
    'EC2 Instance State-change Notification',
  ]),
  detail: z.object({
    'instance-id': z.string().check(z.regex(/^i-[0-9a-f]{1,32}$/)),
    state: z.optional(z.string()),
  }),
});

const lookUpsAtOnce = 20;
/** An event names AWS's own account, and nodes are known by ours: so many are asked for. */
const accountsMax = 200;
const lostStates = new Set(['stopping', 'stopped', 'shutting-down', 'terminated']);

/**
 * An agent says the same of its own machine: these events only make it faster. Most are about instances that are nobody's of
 * ours; they are done with at once, since nothing would become of them if they came again.
 */
export const onCloudEvent =
  ({
    store,
    bus,
    clock,
    log,
  }: {
    readonly store: Pick<Store, 'accounts' | 'nodes' | 'clusters'>;
    readonly bus: Bus;
    readonly clock: Clock;
    readonly log: Log;
  }) =>
  async (event: z.output<typeof ec2Event>): Promise<void> => {
    const { 'instance-id': instanceId, state = '' } = event.detail;
    const node = await findNode(store, log, instanceId);
    if (node === undefined || node.desired === 'absent') {
      log.info('an instance that is none of ours, or is to go', { instanceId });
      return;
    }
    const { clusterId, number, attempt, interruption } = node;
    const kind = interruptions[event['detail-type']];
    if (kind !== undefined) {
      // The machine's agent was quicker, or this comes again.
      if (interruption === 'terminate' || interruption === kind) return;
      await bus.say(spotInterruption, { clusterId, number, attempt, kind });
      await store.nodes.noteInterruption(clusterId, number, { attempt, kind });
    } else if (lostStates.has(state)) {
      // Whether it is lost, the next look tells.
      log.warn('an instance of ours has stopped', { clusterId, number, instanceId, state });
      await store.clusters.makeDue(clusterId, clock.now());
    }
  };

const interruptions: Readonly<Record<string, 'terminate' | 'rebalance' | undefined>> = {
  'EC2 Spot Instance Interruption Warning': 'terminate',
  'EC2 Instance Rebalance Recommendation': 'rebalance',
};

async function findNode(
  { accounts, nodes }: Pick<Store, 'accounts' | 'nodes'>,
  log: Log,
  instanceId: string,
): Promise<Node | undefined> {
  const ours = (await accounts.list()).filter(({ cloud }) => cloud === 'aws');
  if (ours.length > accountsMax)
    log.warn('too many accounts to ask for each', { accounts: ours.length, accountsMax });
  for (let first = 0; first < Math.min(ours.length, accountsMax); first += lookUpsAtOnce) {
    const found = await Promise.all(
      ours.slice(first, first + lookUpsAtOnce).map(({ id }) => nodes.byProviderId('aws', id, instanceId)),
    );
    const node = found.find((each) => each !== undefined);
    if (node !== undefined) return node;
  }
  return undefined;
}
