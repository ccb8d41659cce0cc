import type { AnswerDependencies } from '../../functions/answer-node-sync/answer.ts';
import type { Cluster, Holder } from '../../shared/domain/cluster.ts';
import type { Mesh } from '../../shared/domain/mesh.ts';
import { phaseRank, type Node } from '../../shared/domain/node.ts';

/** A cluster's items, and how a call waits for its turn: between any two calls of one sync, others may come. */
export interface Items {
  cluster: Cluster;
  readonly nodes: Map<number, Node>;
  mesh: Mesh;
  turn: () => Promise<void>;
}

const isHolder = (number: number | undefined, attempt: number | undefined, holder: Holder): boolean =>
  number === holder.number && attempt === holder.attempt;

/** What answer-node-sync asks of the table, with the table's own conditions (shared/store), each call at one moment. */
export function memoryStore(items: Items): AnswerDependencies['store'] {
  const change = (number: number, holds: (node: Node) => boolean, set: Partial<Node>): Node | undefined => {
    const node = items.nodes.get(number);
    if (node === undefined || !holds(node)) return undefined;
    const changed = { ...node, ...set };
    items.nodes.set(number, changed);
    return changed;
  };
  const without = (...names: readonly (keyof Cluster)[]): Cluster =>
    Object.fromEntries(
      Object.entries(items.cluster).filter(([name]) => !names.includes(name as keyof Cluster)),
    ) as unknown as Cluster;

  const store = {
    clusters: {
      async get() {
        await items.turn();
        return items.cluster;
      },
      async claimInit(_id: string, holder: Holder, gone?: Holder) {
        await items.turn();
        const { initNode, initAttempt, initialisedAt } = items.cluster;
        const isFree =
          initNode === undefined ||
          isHolder(initNode, initAttempt, holder) ||
          (gone !== undefined && isHolder(initNode, initAttempt, gone));
        if (initialisedAt !== undefined || !isFree) return false;
        items.cluster = { ...items.cluster, initNode: holder.number, initAttempt: holder.attempt };
        return true;
      },
      async leaseJoin(_id: string, holder: Holder, gone?: Holder) {
        await items.turn();
        const { joinNode, joinAttempt } = items.cluster;
        const isFree =
          joinNode === undefined ||
          isHolder(joinNode, joinAttempt, holder) ||
          (gone !== undefined && isHolder(joinNode, joinAttempt, gone));
        if (!isFree) return false;
        items.cluster = { ...items.cluster, joinNode: holder.number, joinAttempt: holder.attempt };
        return true;
      },
      async expectJoiner(_id: string, until: string) {
        await items.turn();
        const { joinerUntil } = items.cluster;
        if (joinerUntil !== undefined && joinerUntil >= until) return false;
        items.cluster = { ...items.cluster, joinerUntil: until };
        return true;
      },
      async releaseJoin(_id: string, number: number, attempt?: number) {
        await items.turn();
        const { joinNode, joinAttempt } = items.cluster;
        if (joinNode !== number || (attempt !== undefined && joinAttempt !== attempt)) return false;
        items.cluster = without('joinNode', 'joinAttempt');
        return true;
      },
      async markInitialised(_id: string, holder: Holder, now: string) {
        await items.turn();
        const { initNode, initAttempt, initialisedAt } = items.cluster;
        if (initialisedAt !== undefined || !isHolder(initNode, initAttempt, holder)) return undefined;
        items.cluster = { ...items.cluster, initialisedAt: now };
        return items.cluster;
      },
    },
    nodes: {
      async list() {
        await items.turn();
        return [...items.nodes.values()];
      },
      async recordSync(_id: string, number: number, { sessionHash, ...seen }: { sessionHash: string }) {
        await items.turn();
        return change(number, (node) => node.sessionHash === sessionHash, seen) !== undefined;
      },
      async reportPhase(
        _id: string,
        number: number,
        { attempt, sessionHash, phase }: { attempt: number; sessionHash: string; phase: Node['phase'] },
      ) {
        await items.turn();
        const holds = (node: Node): boolean =>
          node.attempt === attempt &&
          node.sessionHash === sessionHash &&
          phaseRank(node.phase) < phaseRank(phase);
        return change(number, holds, { phase }) !== undefined;
      },
      async markJoined(_id: string, number: number, { attempt, now }: { attempt: number; now: string }) {
        await items.turn();
        const joinedAt = items.nodes.get(number)?.joinedAt ?? now;
        return change(number, (node) => node.attempt === attempt && node.failure === undefined, { joinedAt });
      },
      async recordFailure(
        _id: string,
        number: number,
        { attempt, failure }: { attempt: number; failure: { reason: string } },
      ) {
        await items.turn();
        return change(number, (node) => node.attempt === attempt, { failure });
      },
    },
    mesh: {
      async get() {
        await items.turn();
        return items.mesh;
      },
      async replace(
        clusterId: string,
        { versionRead, members, now }: { versionRead: number; members: Mesh['members']; now: string },
      ) {
        await items.turn();
        if (items.mesh.version !== versionRead) return undefined;
        items.mesh = { clusterId, version: versionRead + 1, members, changedAt: now };
        return items.mesh;
      },
    },
    async syncView(_id: string, number: number) {
      await items.turn();
      return { cluster: items.cluster, node: items.nodes.get(number), mesh: items.mesh };
    },
  };
  // Anything else that a sync came to ask for would be missing here, and fail.
  return store as unknown as AnswerDependencies['store'];
}
