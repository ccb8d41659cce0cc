import { expect } from 'vitest';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import { living, type TestPlatform } from '../builders/local-platform.ts';

/** The main job's cluster, on a platform that carries its events or loses them. */
export interface Life {
  readonly platform: TestPlatform;
  /** The cluster's name, and its file's. */
  readonly name: string;
}

/** One thing that people or fate do to a cluster, and what it is to come to, however long that takes. */
export interface LifeStep {
  readonly title: string;
  /** Nobody says it on the bus: it is found when the cluster is looked at. */
  readonly isFound?: true;
  readonly act: (life: Life) => Promise<unknown>;
  readonly isDone: (cluster: ClusterDetails) => boolean;
  readonly check: (life: Life, cluster: ClusterDetails) => Promise<void>;
}

/** Ready, with nobody at work on the cluster itself, nothing found, and every node as it is wanted. */
const isWhole = (cluster: ClusterDetails): boolean =>
  cluster.status === 'ready' &&
  cluster.operation === undefined &&
  cluster.findings.length === 0 &&
  living(cluster).every(({ phase, desired }) => phase === 'ready' && desired === 'present');

const numbersOf = (nodes: readonly Pick<NodeView, 'number'>[]): readonly number[] =>
  nodes.map(({ number }) => number).toSorted((a, b) => a - b);

const has = (cluster: ClusterDetails, numbers: readonly number[]): boolean =>
  isWhole(cluster) && numbersOf(living(cluster)).join() === numbers.join();

/** One machine for each node and no other, and a mesh of just these. */
async function expectOneForOne({ platform }: Life, cluster: ClusterDetails): Promise<void> {
  const nodes = living(cluster);
  expect(platform.machines().toSorted()).toEqual(
    nodes.map(({ cloud, providerId }) => `${cloud}/${providerId ?? ''}`).toSorted(),
  );
  const { members } = await platform.store.mesh.get(cluster.id);
  expect(numbersOf(members)).toEqual(numbersOf(nodes));
}

/** Node 8 in node 5's place: one like it, of whichever type is the cheapest by now. */
async function expectReplaced(at: Life, cluster: ClusterDetails): Promise<void> {
  await expectOneForOne(at, cluster);
  const [lost, other] = [5, 8].map((number) => cluster.nodes.find((node) => node.number === number));
  expect(other).toMatchObject({ role: lost?.role, cloud: lost?.cloud, vcpus: lost?.vcpus });
}

async function expectNothing({ platform }: Life, cluster: ClusterDetails): Promise<void> {
  expect(platform.resources()).toEqual([]);
  expect(living(cluster)).toEqual([]);
}

const damage = { cloud: 'gcp', kind: 'add-firewall-rule' } as const satisfies {
  cloud: CloudName;
  kind: string;
};

/** The main job, in order: each step goes on where the one before it stopped. */
export const life = {
  create: {
    title: 'becomes ready',
    act: ({ platform, name }) => platform.apply(name),
    isDone: (cluster) => has(cluster, [1, 2, 3, 4, 5, 6]),
    check: expectOneForOne,
  },
  add: {
    title: 'takes a node more',
    act: ({ platform, name }) => platform.api.addNodes(name, { cloud: 'gcp', shape: 'small', count: 1 }),
    isDone: (cluster) => has(cluster, [1, 2, 3, 4, 5, 6, 7]),
    check: expectOneForOne,
  },
  remove: {
    title: 'loses it again with its machine and its place in the mesh',
    act: ({ platform, name }) => platform.api.removeNodes(name, [7]),
    isDone: (cluster) => has(cluster, [1, 2, 3, 4, 5, 6]),
    check: expectOneForOne,
  },
  heal: {
    title: 'has another node for one whose machine died, and closes what somebody opened',
    isFound: true,
    act: async ({ platform, name }) => {
      const { id, nodes } = await platform.api.getCluster(name);
      const { cloud, providerId = '' } = nodes.find(({ number }) => number === 5) ?? { cloud: 'aws' };
      await platform.damage({ ...damage, clusterId: id });
      await platform.kill({ cloud, id: providerId });
    },
    // The numbers 5 and 7 rest for a day.
    isDone: (cluster) => has(cluster, [1, 2, 3, 4, 6, 8]),
    check: expectReplaced,
  },
  delete: {
    title: 'goes and leaves nothing in any cloud',
    act: ({ platform, name }) => platform.api.deleteCluster(name),
    isDone: ({ status }) => status === 'deleted',
    check: expectNothing,
  },
} as const satisfies Record<string, LifeStep>;
