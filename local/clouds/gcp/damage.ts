import { randomBytes } from 'node:crypto';
import { DamageRefused, type Damage, type DamageKind } from '../world.ts';
import { fingerprint, lastOf, linkTo } from './links.ts';
import type { Json } from './schema.ts';
import type { Kind, State, Stored } from './state.ts';
import { balancerDamages } from './fronts.ts';

/**
 * What people can do in the console to a network and its machines. Google Cloud has no interfaces apart from machines,
 * and the machines' addresses are ephemeral: they go with them, and there is never one to spare.
 */
export function damages(state: State): Partial<Record<DamageKind, Damage>> {
  const inside = (networkId: string, kind: Kind): Stored[] =>
    state.users(networkId).filter((user) => user.kind === kind && user.goneAt === undefined);
  const go = (stored: Stored): void => {
    state.change(stored.path, { goneAt: state.world.now() });
  };
  const idle = (subnetworks: readonly Stored[]): void => {
    for (const { path } of subnetworks) {
      const user = state.users(path)[0];
      if (user !== undefined) throw new DamageRefused(`${path} is already being used by ${user.path}`);
    }
  };
  /** Automatic routes: of the network itself or of one of its subnets. */
  const routesThat = (fits: (route: Stored) => boolean): Stored[] =>
    state.all('routes').filter((route) => route.goneAt === undefined && fits(route));
  const workers = (networkId: string): Stored[] =>
    inside(networkId, 'firewalls').filter(
      ({ body }) =>
        body['direction'] === 'INGRESS' &&
        ((body['targetTags'] ?? []) as string[]).some((tag) => tag.endsWith('worker')),
    );
  const instanceOf = (worldId: string | undefined): Stored | undefined =>
    state.all('instances').find((stored) => worldId !== undefined && stored.worldId === worldId);
  const change = (stored: Stored, body: Json): string => {
    state.change(stored.path, { body: { ...stored.body, ...body } });
    return stored.path;
  };

  return {
    ...balancerDamages(state),
    'delete-network': ({ networkId }) => {
      const network = state.find(networkId);
      if (network === undefined) return undefined;
      const subnetworks = inside(networkId, 'subnetworks');
      idle(subnetworks);
      const [group] = inside(networkId, 'instanceGroups');
      if (group !== undefined) throw new DamageRefused(`${networkId} is already being used by ${group.path}`);
      for (const part of [
        ...routesThat(({ uses }) => uses.includes(networkId)),
        ...inside(networkId, 'firewalls'),
        ...subnetworks,
        network,
      ])
        go(part);
      return networkId;
    },
    'delete-subnet': ({ networkId }) => {
      const [subnetwork] = inside(networkId, 'subnetworks');
      if (subnetwork === undefined) return undefined;
      idle([subnetwork]);
      for (const route of routesThat(({ uses }) => uses.includes(subnetwork.path))) go(route);
      go(subnetwork);
      return subnetwork.path;
    },
    'remove-route': ({ networkId }) => {
      const ways = routesThat(
        ({ uses, body }) =>
          uses.includes(networkId) &&
          body['destRange'] === '0.0.0.0/0' &&
          body['nextHopGateway'] !== undefined,
      );
      ways.forEach(go);
      return ways[0]?.path;
    },
    'remove-firewall-rule': ({ networkId }) => {
      const [firewall] = workers(networkId);
      if (firewall === undefined) return undefined;
      const [, ...allowed] = (firewall.body['allowed'] ?? []) as Json[];
      // A firewall without any permission cannot be.
      if (allowed.length === 0) go(firewall);
      else change(firewall, { allowed, fingerprint: fingerprint(allowed) });
      return firewall.path;
    },
    'add-firewall-rule': ({ networkId }) => {
      const network = state.find(networkId);
      if (network === undefined) return undefined;
      const name = `allow-ssh-${randomBytes(4).toString('hex')}`;
      const path = `projects/${network.project}/global/firewalls/${name}`;
      const body = {
        direction: 'INGRESS',
        disabled: false,
        logConfig: { enable: false },
        priority: 1000,
        sourceRanges: ['0.0.0.0/0'],
        targetTags: [...new Set(workers(networkId).flatMap((one) => one.body['targetTags'] as string[]))],
        allowed: [{ IPProtocol: 'tcp', ports: ['22'] }],
        network: linkTo(networkId),
      };
      const now = state.world.now();
      state.put({
        path,
        project: network.project,
        scope: 'global',
        kind: 'firewalls',
        name,
        body: { ...body, fingerprint: fingerprint(body) },
        createdAt: now,
        readyAt: now,
        uses: [networkId],
      });
      return path;
    },
    'delete-firewall': ({ networkId }) => {
      const firewalls = workers(networkId);
      firewalls.forEach(go);
      return firewalls[0]?.path;
    },
    'remove-tags': ({ machine }) => {
      const instance = instanceOf(machine?.id);
      return instance && change(instance, { labels: {} });
    },
    'move-firewall': ({ machine }) => {
      const instance = instanceOf(machine?.id);
      return instance && change(instance, { tags: { items: [] } });
    },
    'add-spare-disk': ({ machine }) => {
      const instance = instanceOf(machine?.id);
      if (instance === undefined) return undefined;
      const { project, scope } = instance;
      const name = `${instance.name}-spare`;
      const path = `projects/${project}/${scope}/disks/${name}`;
      if (state.find(path) !== undefined) throw new DamageRefused(`${path} already exists`);
      const now = state.world.now();
      const boot = state.all('disks').find((disk) => disk.goesWith === instance.path);
      state.put({
        path,
        project,
        scope,
        kind: 'disks',
        name: lastOf(path),
        body: { ...boot?.body, labels: instance.body['labels'] ?? {}, status: 'READY' },
        createdAt: now,
        readyAt: now,
        uses: [],
      });
      return path;
    },
  };
}
