import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Finding } from '../../shared/domain/finding.ts';
import { machineDamageKinds, type DamageKind } from '../../local/clouds/world.ts';
import {
  eventually,
  exampleFile,
  living,
  smallFile,
  startTestPlatform,
  type TestPlatform,
} from '../builders/local-platform.ts';

const name = 'drifting';
/** A control plane in one cloud, and all its workers in another. */
const crowded = 'crowded';
/** No cluster goes for longer without a look. */
const sweepSeconds = 301;
/** On the wall: how long a tick's look may take before the next tick. */
const lookMilliseconds = 3000;
const triesMax = 10;

/** What a person with the console does to one cluster in four clouds, and what is said of it in each. */
const damages: readonly {
  readonly kind: DamageKind;
  readonly found: Finding['kind'];
  readonly says: Partial<Record<CloudName, RegExp>>;
}[] = [
  {
    kind: 'add-firewall-rule',
    found: 'network-changed',
    says: {
      aws: /worker firewall: tcp 22 from 0\.0\.0\.0\/0 was added by hand/,
      gcp: /firewall allow-ssh-\w+ .*was added by hand/,
      azure: /worker firewall: rule ssh \(tcp:22:0\.0\.0\.0\/0\) was added by hand/,
      digitalocean: /worker firewall: tcp 22 from 0\.0\.0\.0\/0 was added by hand/,
    },
  },
  {
    kind: 'remove-firewall-rule',
    found: 'network-changed',
    says: {
      aws: /worker firewall: udp 51820 from 0\.0\.0\.0\/0 is missing/,
      gcp: /firewall \S+-worker-any: permission tcp:443 was taken out/,
      azure: /worker firewall: rule udp-51820-from-anywhere is missing/,
      digitalocean: /worker firewall: udp 51820 from \S+ is missing/,
    },
  },
  {
    // DigitalOcean has no routes of its own.
    kind: 'remove-route',
    found: 'network-changed',
    says: {
      aws: /route 0\.0\.0\.0\/0 of \S+ is missing/,
      gcp: /the way to the internet is gone/,
      azure: /a route table was put on subnet nodes/,
    },
  },
  {
    kind: 'delete-firewall',
    found: 'network-changed',
    says: {
      aws: /there is no worker firewall/,
      gcp: /firewall \S+-worker-any is gone/,
      azure: /security group firewall-worker is missing/,
      digitalocean: /worker firewall \S+ is gone/,
    },
  },
  {
    kind: 'remove-tags',
    found: 'machine-changed',
    says: {
      aws: /has lost Name, overcast:installation, overcast:cluster-id, overcast:node-id/,
      gcp: /machine drifting-6: label overcast-cluster-id was removed/,
      azure: /drifting-3: tags were changed/,
      digitalocean: /machine drifting-4: tag overcast:cluster-id:\S+ was removed/,
    },
  },
  {
    kind: 'move-firewall',
    found: 'machine-changed',
    says: {
      aws: /is in sg-\w+, not in the worker firewall sg-\w+/,
      gcp: /machine drifting-6: network tag overcast-worker was removed: its firewall does not hold for it/,
      azure: /drifting-3 is not in the control-plane firewall but in none/,
      digitalocean: /machine drifting-4: tag \S+ was removed: its firewall does not hold for it/,
    },
  },
  {
    kind: 'add-spare-disk',
    found: 'stray-resource',
    says: {
      aws: /volume drifting-5-spare serves nothing/,
      gcp: /disk drifting-6-spare serves nothing/,
      azure: /disk drifting-3-spare serves nothing/,
    },
  },
  {
    kind: 'add-spare-interface',
    found: 'stray-resource',
    says: {
      aws: /network-interface drifting-5-spare serves nothing/,
      azure: /interface drifting-3-spare serves nothing/,
    },
  },
  {
    kind: 'add-spare-address',
    found: 'stray-resource',
    says: { azure: /address drifting-3-spare serves nothing/ },
  },
];

/** What is done at once: nothing of it hides or undoes the rest. */
const rounds: readonly (readonly DamageKind[])[] = [
  ['add-firewall-rule', 'remove-route', 'remove-tags'],
  ['remove-firewall-rule', 'move-firewall'],
  ['delete-firewall', 'add-spare-disk', 'add-spare-interface', 'add-spare-address'],
];

/** One platform, and two clusters on it, in order: each test goes on where the one before it stopped. */
describe('drift, and what becomes of it', { timeout: 120_000 }, () => {
  let platform: TestPlatform;
  let id: string;
  /** Somebody else's, in each network of the first cluster while it is damaged and mended. */
  const strangers: { cloud: CloudName; id: string; name: string }[] = [];
  beforeAll(async () => {
    platform = await startTestPlatform();
    await platform.apply(name, exampleFile(name));
    await platform.apply(
      crowded,
      smallFile(
        crowded,
        ['aws', 'digitalocean'],
        [
          { role: 'control-plane', cloud: 'aws' },
          { role: 'worker', cloud: 'digitalocean', shape: 'small', count: 3 },
        ],
      ),
    );
    await platform.until(name, ({ status }) => status === 'ready', 80);
    const settled = await platform.untilSettled(name);
    id = settled.id;
    for (const cloud of cloudNames) {
      const own = platform.world.machine(cloud, newest(settled.nodes, cloud).providerId ?? '');
      const at = { cloud, networkId: own?.networkId ?? '' };
      strangers.push(await platform.placeStranger({ ...at, name: `somebody-${cloud}` }));
    }
  }, 90_000);
  afterAll(() => platform.close());

  /** Time passes, and every cloud of the cluster is looked at; what comes of it goes on afterwards. */
  const sweep = async (of = id): Promise<void> => {
    const { cloudParts } = await platform.api.getCluster(of);
    const from = new Date().toISOString();
    const isSeen = async (): Promise<boolean> =>
      (await platform.store.observations.list(of)).filter(({ at }) => at >= from).length ===
      cloudParts.length;
    for (let tries = 1, seconds = sweepSeconds; tries <= triesMax; tries += 1, seconds = 0) {
      await platform.tickAfter(of, seconds);
      const next = Date.now() + lookMilliseconds;
      do {
        if (await isSeen()) return;
        await delay(50);
      } while (Date.now() < next);
      // A decision that came just before the tick has put it off.
      await platform.store.clusters.makeDue(of, new Date().toISOString());
    }
    throw new Error('nobody looked');
  };
  const isWhole = (cluster: ClusterDetails, numbers: readonly number[]): boolean =>
    cluster.status === 'ready' &&
    cluster.operation === undefined &&
    cluster.findings.length === 0 &&
    living(cluster).every(({ phase, desired }) => phase === 'ready' && desired === 'present') &&
    living(cluster)
      .map(({ number }) => number)
      .join() === numbers.join();
  /** Minutes pass until these are gone, and then no more: machines join in their own time. */
  const untilReplaced = async (lost: readonly number[], left: readonly number[]): Promise<ClusterDetails> => {
    await platform.tickUntil(id, (cluster) =>
      lost.every((number) => numbered(cluster, number).phase === 'deleted'),
    );
    return platform.until(id, (cluster) => isWhole(cluster, left));
  };
  const untilFound = (what: string, isSo: (all: readonly Finding[]) => boolean, of = id) =>
    eventually(
      what,
      async () => (await platform.api.getCluster(of)).findings,
      isSo,
      30,
      (all) => all.map(({ kind, message }) => `${kind}: ${message}`).join('\n'),
    );
  /** Nothing found but strangers, nobody at work. */
  const untilRight = async (of = id): Promise<ClusterDetails> => {
    await platform.untilSettled(of);
    return platform.until(
      of,
      (cluster) => cluster.findings.every(({ kind }) => kind === 'stranger') && cluster.status === 'ready',
    );
  };

  /** All that the clusters have, by what tells it apart for people: what is made again has another id. */
  const holdings = (): readonly unknown[] =>
    platform
      .resources()
      // Google Cloud makes a way out with each network, and the driver another one where that is gone.
      .filter(({ kind }) => kind !== 'route')
      .map(({ cloud, kind, name: called, tags }) => `${cloud} ${kind} ${called} ${tags.toSorted().join()}`)
      .toSorted();

  const expectOneForOne = (cluster: ClusterDetails): void => {
    const own = new Set(
      platform.ownedBy(cluster.id).map(({ cloud, id: resource }) => `${cloud}/${resource}`),
    );
    expect(
      platform
        .machines()
        .filter((machine) => own.has(machine))
        .toSorted(),
    ).toEqual(
      living(cluster)
        .map(({ cloud, providerId }) => `${cloud}/${providerId ?? ''}`)
        .toSorted(),
    );
  };

  const newest = (nodes: readonly NodeView[], cloud: CloudName): NodeView => {
    const found = nodes.filter((node) => node.cloud === cloud).toSorted((a, b) => b.number - a.number)[0];
    if (found === undefined) throw new Error(`no node in ${cloud}`);
    return found;
  };
  const numbered = ({ nodes }: Pick<ClusterDetails, 'nodes'>, number: number): NodeView => {
    const found = nodes.find((node) => node.number === number);
    if (found === undefined) throw new Error(`no node ${number}`);
    return found;
  };
  const machineOf = ({ cloud, providerId = '' }: NodeView) => ({ cloud, id: providerId });

  it.each(rounds.map((kinds) => ({ title: kinds.join(', '), kinds })))(
    'finds $title in every cloud that knows it, and puts it right in the next sweep',
    async ({ kinds }) => {
      const before = { holdings: holdings(), machines: platform.machines() };
      const { nodes } = await platform.api.getCluster(id);
      const done = damages
        .filter(({ kind }) => kinds.includes(kind))
        .flatMap(({ kind, found, says }) =>
          cloudNames.flatMap((cloud) => {
            const pattern = says[cloud];
            return pattern === undefined ? [] : [{ cloud, kind, found, pattern }];
          }),
        );
      // Interfaces and disks first: they are made with the tags of a machine that still has them.
      for (const { cloud, kind } of done)
        await platform.damage({
          cloud,
          kind,
          ...(machineDamageKinds.includes(kind)
            ? { machineId: newest(nodes, cloud).providerId ?? '' }
            : { clusterId: id }),
        });

      // The first word of it is lost, so that what is found can be looked at; the second sweep says it again.
      platform.aws.dropEvents(({ 'detail-type': event }) => event === 'DriftFound');
      await sweep();
      await untilFound('all of it', (all) =>
        done.every(({ cloud, found, pattern }) =>
          all.some((each) => each.cloud === cloud && each.kind === found && pattern.test(each.message)),
        ),
      );
      const status = (await platform.api.getCluster(id)).status;
      expect(status).toBe('degraded');
      platform.aws.dropEvents(undefined);
      await sweep();
      // What is left over may be somebody's work under way for ten minutes, and these do not pass while a repair is at it.
      if (kinds.some((kind) => kind.startsWith('add-spare'))) {
        await platform.until(
          id,
          ({ operation, findings }) =>
            operation === undefined &&
            findings.every(({ kind }) => kind === 'stranger' || kind === 'stray-resource'),
        );
        await sweep();
      }

      await untilRight();
      expect(holdings()).toEqual(before.holdings);
      expect(platform.machines()).toEqual(before.machines);
    },
  );

  it('tells what was found in each cloud, that it was put right, and who was left alone until he went', async () => {
    for (const stranger of strangers) await platform.kill(stranger);
    await sweep();
    const named = strangers.map(({ cloud, name: called }) => ({ cloud, pattern: new RegExp(called) }));
    const mended = damages.flatMap(({ says }) =>
      cloudNames.flatMap((cloud) => (says[cloud] === undefined ? [] : [{ cloud, pattern: says[cloud] }])),
    );
    /** What was not said of all that. */
    const missing = (entries: readonly { event: string; message: string }[]): readonly string[] => {
      const tells = (what: { cloud: CloudName; pattern: RegExp }, event: string, words: string) =>
        entries.some(
          (entry) =>
            entry.event === event && entry.message.startsWith(words) && what.pattern.test(entry.message),
        )
          ? []
          : [`${event}: ${words} ${what.cloud} ${what.pattern.source}`];
      return [
        ...mended.flatMap((each) => [
          ...tells(each, 'FindingOpened', `${each.cloud}: `),
          ...tells(each, 'FindingClosed', `put right: ${each.cloud}: `),
        ]),
        ...named.flatMap((each) => [
          ...tells(each, 'FindingOpened', `${each.cloud}: `),
          ...tells(each, 'FindingClosed', `no longer so: ${each.cloud}: `),
        ]),
      ];
    };
    const said = await eventually(
      'the timeline',
      () => platform.timeline(id),
      (entries) => missing(entries).length === 0,
      30,
      (entries) => missing(entries).join('\n'),
    );
    expect(said.filter(({ event }) => event === 'NodeFailed' || event === 'NodeRetired')).toEqual([]);
    for (const { message } of said.filter(({ event }) => event === 'DriftFound'))
      expect(message).toMatch(/^being put right: .*, and \d+ more$/);
  });

  it('replaces a worker that is gone and one that was stopped, each by one like it', async () => {
    const before = await platform.api.getCluster(id);
    const [gone, stopped] = [numbered(before, 5), numbered(before, 4)];
    await platform.kill(machineOf(gone));
    await platform.stop(machineOf(stopped));
    await sweep();
    const found = await untilFound('both', (all) => all.length === 2);
    expect(found.map(({ kind, message, remedy }) => `${kind}: ${message}: ${remedy}`).toSorted()).toEqual([
      'machine-missing: node 4 in digitalocean: its machine is stopped: it is replaced',
      'machine-missing: node 5 in aws: its machine is gone: it is replaced',
    ]);
    const replaced = await platform.tickUntil(id, ({ nodes }) =>
      nodes.some(({ number, phase }) => number === 7 && phase === 'ready'),
    );
    // Who is stopped may be started again: for ten minutes nobody takes its place.
    expect(replaced.nodes.map(({ number }) => number)).not.toContain(8);
    await sweep();
    await sweep();
    const after = await untilReplaced([4, 5], [1, 2, 3, 6, 7, 8]);
    for (const [lost, number] of [
      [gone, 7],
      [stopped, 8],
    ] as const)
      expect(numbered(after, number)).toMatchObject({
        role: 'worker',
        cloud: lost.cloud,
        vcpus: lost.vcpus,
      });
    expectOneForOne(after);
  });

  it('lets the others forget a control plane that is gone, and another join in its place', async () => {
    const lost = numbered(await platform.api.getCluster(id), 2);
    await platform.kill(machineOf(lost));
    const after = await untilReplaced([2], [1, 3, 6, 7, 8, 9]);
    expect(numbered(after, 2).phase).toBe('deleted');
    expect(numbered(after, 9)).toMatchObject({ role: 'control-plane', cloud: lost.cloud });
    expectOneForOne(after);
    const forgotten = platform.lines.findIndex((line) => line.includes('"message":"member forgotten"'));
    const joined = platform.lines.findIndex((line) => line.includes('"instruction":"join-9-1"'));
    expect(forgotten).toBeGreaterThan(0);
    expect(joined).toBeGreaterThan(forgotten);
  });

  it('replaces nobody where a whole cloud looks lost, and says so', async () => {
    const { id: other, nodes } = await platform.untilSettled(crowded);
    const workers = nodes.filter(({ role }) => role === 'worker');
    expect(workers).toHaveLength(3);
    await Promise.all(workers.map((worker) => platform.kill(machineOf(worker))));
    for (let sweeps = 1; sweeps <= 2; sweeps += 1) await sweep(other);
    const found = await untilFound('that it is paused', (all) => all.length === 4, other);
    expect(found.map(({ kind, message, remedy }) => `${kind}: ${message}: ${remedy}`).toSorted()).toEqual([
      ...workers.map(
        ({ number }) =>
          `machine-missing: node ${number} in digitalocean: its machine is gone: it waits for people to look`,
      ),
      'replacement-paused: digitalocean: 3 of 3 nodes look lost at once, so none of them is replaced: look at the cloud, and have what is lost replaced: overcast cluster reconcile --replace-lost',
    ]);
    const after = await platform.api.getCluster(other);
    expect(after.status).toBe('degraded');
    expect(after.nodes.map(({ number, desired }) => [number, desired])).toEqual(
      nodes.map(({ number }) => [number, 'present']),
    );
    // Whoever looked and found them lost for good says so.
    await platform.api.reconcileCluster(other, { replaceLost: true });
    await platform.tickUntil(other, (cluster) => isWhole(cluster, [1, 5, 6, 7]));
  });

  it('touches no stranger, is not deleted while one is there, and lives on', async () => {
    const { id: other, nodes } = await platform.api.getCluster(crowded);
    const own = platform.world.machine('aws', numbered({ nodes }, 1).providerId ?? '');
    const stranger = await platform.placeStranger({
      cloud: 'aws',
      networkId: own?.networkId ?? '',
      name: 'somebody',
    });
    const before = holdings();
    await platform.damage({ cloud: 'aws', kind: 'add-firewall-rule', clusterId: other });
    await sweep(other);
    await sweep(other);
    await untilRight(other);
    expect(holdings()).toEqual(before);

    const refused = await platform.remove(other);
    expect(refused).toMatchObject({ status: 'ready' });
    expect(refused.deletionRefused?.reason).toMatch(/^aws: /);
    expect(refused.deletionRefused?.reason).toContain(`${stranger.id} (somebody)`);
    expect(holdings()).toEqual(before);

    await platform.kill(stranger);
    expect((await platform.remove(other)).status).toBe('deleted');
    expect(platform.ownedBy(other)).toEqual([]);
  });

  it('has failed when two of three control planes are gone, destroys nothing more, and can be deleted', async () => {
    const before = await platform.api.getCluster(id);
    const [, ...lost] = living(before).filter(({ role }) => role === 'control-plane');
    expect(lost).toHaveLength(2);
    await Promise.all(lost.map((node) => platform.kill(machineOf(node))));
    const left = platform.machines();
    const failed = await platform.tickUntil(id, ({ status }) => status === 'failed');
    expect(failed.statusReason).toBe('quorum lost: 2 of 3 control planes');
    expect(failed.findings).toContainEqual(
      expect.objectContaining({ kind: 'quorum-lost', remedy: 'restore it from its last snapshot' }),
    );
    for (let sweeps = 1; sweeps <= 2; sweeps += 1) await sweep();
    const after = await platform.api.getCluster(id);
    expect(after.status).toBe('failed');
    expect(after.nodes.map(({ number, desired }) => [number, desired])).toEqual(
      before.nodes.map(({ number, desired }) => [number, desired]),
    );
    expect(platform.machines()).toEqual(left);

    expect((await platform.remove(id)).status).toBe('deleted');
    expect(platform.resources()).toEqual([]);
  });
});
