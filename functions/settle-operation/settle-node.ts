import { nodeFailed } from '../../events/node-failed.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import { reasonOf, type SettleParts, type SettleRequest } from './settlement.ts';

/** A node serves, or is given up: then it stays as `failed`, with its reason, until it is retired. */
export async function settleNode({ store, bus, clock }: SettleParts, request: SettleRequest): Promise<void> {
  const { clusterId, number, executionArn, outcome } = request;
  if (number === undefined) throw new Error(`${request.kind} is settled without its node's number`);
  const node = await store.nodes.get(clusterId, number);
  const owner = node?.operation;
  if (node === undefined || (owner !== undefined && owner.executionArn !== executionArn))
    throw new Superseded(`node ${number} is owned by ${owner?.executionArn ?? 'nobody'}`);

  if (owner !== undefined && outcome === 'failed') {
    const reason = reasonOf(request);
    // The machine's own last words are kept: they say more than the run that gave it up.
    const failure = { reason, ...(node.failure?.log !== undefined && { log: node.failure.log }) };
    if (await store.nodes.giveUp(clusterId, number, { executionArn, failure }))
      await bus.say(nodeFailed, { clusterId, number, attempt: node.attempt, reason });
    else await mustServe(store, request, number);
  }
  await store.nodes.release(clusterId, number, executionArn);
  await store.clusters.makeDue(clusterId, clock.now());
}

/** The run failed and the node has joined all the same: it stays as it is. @throws Superseded when it is another's. */
async function mustServe(
  store: SettleParts['store'],
  { clusterId, executionArn }: SettleRequest,
  number: number,
): Promise<void> {
  const node = await store.nodes.get(clusterId, number);
  if (node?.operation?.executionArn !== executionArn || node.joinedAt === undefined)
    throw new Superseded(`node ${number} has changed hands`);
}
