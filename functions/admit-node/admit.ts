import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import type { AdmitReply } from '../../shared/domain/node-protocol.ts';
import type { Node } from '../../shared/domain/node.ts';
import { bootstrapTokenMessage, parseBootstrapToken } from '../../shared/planning/bootstrap-token.ts';
import { syncSeconds } from '../../shared/planning/next-instruction.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Mac } from '../../shared/runtime/mac.ts';
import { NodeCallRefused, type NodeCall } from '../../shared/runtime/node-http.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** The token outlives its attempt: what counts is that the attempt's machine is still waited for. */
const goesOn = (node: Node, attempt: number): boolean =>
  node.attempt === attempt &&
  node.createRequest?.attempt === attempt &&
  node.failure === undefined &&
  node.desired === 'present';

export const admitRequest = z.strictObject({
  sessionSecret: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  attempt: z.int().check(z.minimum(1)),
});

export interface AdmitDependencies {
  readonly store: Pick<Store, 'nodes'>;
  readonly mac: Mac;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Binds a machine's session secret to its node. The same secret again succeeds, so that a lost reply costs nothing; another
 * one is refused: somebody has read the user-data of a machine that is already here.
 *
 * @throws NodeCallRefused 401: the token is not this attempt's, or has expired; 409: another machine was admitted.
 */
export const admit =
  ({ store, mac, clock, log }: AdmitDependencies) =>
  async (call: NodeCall<z.output<typeof admitRequest>>): Promise<AdmitReply> => {
    const { clusterId, number } = call;
    const now = clock.now();
    const token = parseBootstrapToken(call.bearer);
    const node = token === undefined ? undefined : await store.nodes.get(clusterId, number);
    if (token === undefined || node === undefined || token.attempt !== call.body.attempt)
      throw new NodeCallRefused(401, 'the bootstrap token is not valid for this node');
    if (token.expiresAt * 1000 <= Date.parse(now))
      throw new NodeCallRefused(401, 'the bootstrap token has expired: the machine will be replaced');
    const isOurs = await mac.verify(bootstrapTokenMessage({ nodeId: node.id, ...token }), token.mac);
    if (!isOurs || !goesOn(node, token.attempt))
      throw new NodeCallRefused(401, 'the bootstrap token is not valid for this node');

    const sessionHash = createHash('sha256').update(call.body.sessionSecret).digest('hex');
    const admitted = await store.nodes.admit(clusterId, number, { attempt: token.attempt, sessionHash, now });
    if (!admitted) {
      log.error('a second machine asked to be admitted', {
        clusterId,
        number,
        attempt: token.attempt,
        alarm: true,
      });
      throw new NodeCallRefused(409, 'another machine was admitted for this node');
    }
    log.info('admitted', { clusterId, number, attempt: token.attempt });
    return { syncAfterSeconds: syncSeconds.bootstrap };
  };
