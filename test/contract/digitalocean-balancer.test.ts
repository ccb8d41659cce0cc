import { expect, it } from 'vitest';
import type { LoadBalancerSpec } from '../../shared/domain/load-balancer.ts';
import type { Network } from '../../shared/domain/network.ts';
import { location, offering, setStage } from './digitalocean-stage.ts';

/** What the contract cannot say in general of load balancers: DigitalOcean's own traps. */

const stage = setStage();
const { cloud, api, settle, build, requestFor } = stage;

interface Front {
  readonly id: string;
  readonly name: string;
  readonly tag: string;
  readonly size_unit: number;
  readonly forwarding_rules: readonly Record<string, unknown>[];
}
const fronts = async (): Promise<readonly Front[]> => {
  const { load_balancers: all } = (await api('GET', 'load_balancers?per_page=200')) as {
    load_balancers: Front[];
  };
  return all.filter(({ tag }) => tag.endsWith(stage.owner.clusterId));
};
const specOf = (network: Network): LoadBalancerSpec => ({
  owner: stage.owner,
  clusterName: 'driver',
  location,
  network,
  listeners: [{ port: 80, targetPort: 80 }],
  healthCheck: {
    port: 8081,
    path: '/nginx-ready',
    intervalSeconds: 10,
    timeoutSeconds: 5,
    unhealthyAfter: 2,
    healthyAfter: 2,
  },
  members: [],
});
const ensure = (spec: LoadBalancerSpec) =>
  settle(async () => {
    const progress = await cloud().ensureLoadBalancer?.(spec);
    if (progress === undefined) throw new Error('this driver builds load balancers');
    return progress;
  });
/** One as the driver makes it, by hand: as if an answer had been lost and the create said again. */
const twin = ({ id: _id, ...front }: Front, network: Network) =>
  api('POST', 'load_balancers', {
    name: front.name,
    region: location.region,
    vpc_uuid: network.parts['vpcId'],
    tag: front.tag,
    forwarding_rules: front.forwarding_rules,
  });

it('keeps the older of two that carry its tag, and the address with it', async () => {
  const spec = specOf(await build());
  const balancer = await ensure(spec);
  const [front] = await fronts();
  if (front === undefined) throw new Error('there is no load balancer');
  await twin(front, spec.network);
  expect(await fronts()).toHaveLength(2);
  expect(await ensure({ ...spec, known: balancer.parts })).toEqual(balancer);
  expect((await fronts()).map(({ id }) => id)).toEqual([front.id]);
  await settle(() => cloud().collapse(stage.owner, location));
});

it('collapses all that carry its tag', async () => {
  const spec = specOf(await build());
  await ensure(spec);
  const [front] = await fronts();
  if (front === undefined) throw new Error('there is no load balancer');
  await twin(front, spec.network);
  await settle(() => cloud().collapse(stage.owner, location));
  expect(await fronts()).toEqual([]);
  const { tags } = (await api('GET', 'tags?per_page=200')) as { tags: { name: string }[] };
  expect(tags.filter(({ name }) => name.includes(stage.owner.clusterId))).toEqual([]);
});

it('waits while DigitalOcean still makes what is to be changed, and changes it then', async () => {
  const spec = specOf(await build());
  stage.world.change({ timeScale: 1 });
  await expect(cloud().ensureLoadBalancer?.(spec)).resolves.toMatchObject({ done: false });
  const wider = { ...spec, listeners: [...spec.listeners, { port: 443, targetPort: 443 }] };
  await expect(cloud().ensureLoadBalancer?.(wider)).resolves.toMatchObject({
    done: false,
    waitingFor: expect.stringContaining('previous actions') as string,
  });
  await settle(() => cloud().collapse(stage.owner, location));
  stage.world.change({ timeScale: 1000 });
  const network = await build();
  await ensure({ ...spec, network });
  await ensure({ ...wider, network });
  expect(
    (await fronts()).flatMap(({ forwarding_rules: rules }) => rules.map((rule) => rule['entry_port'])),
  ).toEqual([80, 443]);
  await settle(() => cloud().collapse(stage.owner, location));
});

it('leaves the number of nodes that people pay for as it is', async () => {
  const spec = specOf(await build());
  await ensure(spec);
  const [front] = await fronts();
  if (front === undefined) throw new Error('there is no load balancer');
  await api('PUT', `load_balancers/${front.id}`, {
    name: 'by-hand',
    region: location.region,
    vpc_uuid: spec.network.parts['vpcId'],
    tag: front.tag,
    size_unit: 4,
    forwarding_rules: front.forwarding_rules,
  });
  await ensure(spec);
  expect(await fronts()).toMatchObject([{ id: front.id, name: front.name, size_unit: 4 }]);
  await settle(() => cloud().collapse(stage.owner, location));
});

it('takes its tag off a machine that is not the cluster’s, and changes nothing else of it', async () => {
  const spec = specOf(await build());
  await ensure(spec);
  const tag = `overcast:balanced:driver:${stage.owner.clusterId}`;
  const { droplet } = (await api('POST', 'droplets', {
    name: 'bystander',
    region: location.region,
    size: offering.instanceType,
    image: 'ubuntu-24-04-x64',
    tags: [tag, 'theirs'],
  })) as { droplet: { id: number } };
  await ensure(spec);
  await expect(api('GET', `droplets/${droplet.id}`)).resolves.toMatchObject({
    droplet: { tags: ['theirs'] },
  });
  await api('DELETE', `droplets/${droplet.id}`);
  await settle(() => cloud().collapse(stage.owner, location));
});

it('a machine that is put behind it keeps its other tags, and leaves with them', async () => {
  const network = await build();
  const request = requestFor(network);
  const { providerId } = await settle(() => cloud().createMachine(request));
  const { nodeId, name } = request;
  const member = { providerId, nodeId, name, location };
  const tagsOf = async (): Promise<readonly string[]> => {
    const { droplet } = (await api('GET', `droplets/${providerId}`)) as { droplet: { tags: string[] } };
    return droplet.tags.toSorted();
  };
  const before = await tagsOf();
  await ensure({ ...specOf(network), members: [member] });
  const tag = `overcast:balanced:driver:${stage.owner.clusterId}`;
  expect(await tagsOf()).toEqual([...before, tag].toSorted());
  await settle(async () => {
    const progress = await cloud().leaveLoadBalancer?.(member, stage.owner);
    if (progress === undefined) throw new Error('this driver takes machines out');
    return progress;
  });
  expect(await tagsOf()).toEqual(before);
  await settle(() => cloud().collapse(stage.owner, location));
});
