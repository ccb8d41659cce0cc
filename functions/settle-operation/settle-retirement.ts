import { nodeRetired } from '../../events/node-retired.ts';
import { plusSeconds, type ClusterId } from '../../shared/domain/ids.ts';
import { withoutMember } from '../../shared/planning/wireguard-peers.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import type { SettleParts, SettleRequest } from './settlement.ts';

/** Joining nodes write the mesh at the same time; each collision is one of them getting through. */
const meshTriesMax = 20;
/** What refused a retirement (credentials, a machine without its tags) would refuse the next one just as fast. */
const failedRestSeconds = 300;

/** A node's machine is gone: the node leaves the mesh, lets go of its leases, and is forgotten. */
export async function settleRetirement(parts: SettleParts, request: SettleRequest): Promise<void> {
  const { store, bus, clock } = parts;
  const { clusterId, number, executionArn, outcome } = request;
  if (number === undefined) throw new Error(`${request.kind} is settled without its node's number`);
  const node = await store.nodes.get(clusterId, number);
  const owner = node?.operation;
  if (owner !== undefined && owner.executionArn !== executionArn)
    throw new Superseded(`node ${number} is owned by ${owner.executionArn}`);

  // Without an owner this is a repeat after the release, and without an item one a day after: say it again, at most.
  if (owner !== undefined && outcome === 'succeeded') {
    await leaveMesh(parts, clusterId, number);
    await store.clusters.releaseJoin(clusterId, number);
    if (!(await store.nodes.bury(clusterId, number, clock.now())))
      throw new Superseded(`node ${number} is to stay`);
  }
  const now = clock.now();
  // Whoever said meanwhile that it need not be drained is not to wait for the rest of a drain that was put off.
  const isOver = outcome === 'succeeded' || (outcome === 'blocked' && node?.skipDrain === true);
  const retireNotBefore = isOver ? undefined : plusSeconds(now, failedRestSeconds);
  await store.nodes.release(clusterId, number, executionArn, retireNotBefore);
  await store.clusters.makeDue(clusterId, now);
  if (outcome === 'succeeded') await bus.say(nodeRetired, { clusterId, number });
}

async function leaveMesh({ store, clock }: SettleParts, clusterId: ClusterId, number: number): Promise<void> {
  for (let tries = 1; tries <= meshTriesMax; tries += 1) {
    const mesh = await store.mesh.get(clusterId);
    const members = withoutMember(mesh, number);
    if (members === undefined) return;
    if (
      (await store.mesh.replace(clusterId, { versionRead: mesh.version, members, now: clock.now() })) !==
      undefined
    )
      return;
  }
  throw new Error(`the mesh of cluster ${clusterId} kept changing for ${meshTriesMax} tries`);
}
