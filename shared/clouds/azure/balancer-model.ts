import type {
  BackendAddressPool,
  LoadBalancer,
  LoadBalancingRule,
  NetworkInterface,
  Probe,
  PublicIPAddress,
} from '@azure/arm-network';
import type { LoadBalancerSpec } from '../../domain/load-balancer.ts';
import { groupName, ownerTags, sameId, type Tags } from './naming.ts';

/*
 * A Standard load balancer with one zone-redundant Standard address. Machines are in its one pool by their interfaces, each of
 * which says so itself: no two that join or leave at once write the same resource, and one that is deleted has left.
 */

export const balancerName = 'balancer';
export const balancerAddressName = 'balancer-address';

const frontendName = 'public';
const poolName = 'workers';
const probeName = 'ingress';

/** A region that has zones has three that a subscription numbers so. */
const allZones = ['1', '2', '3'];

export const balancerId = (subscriptionId: string, group: string): string =>
  `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/Microsoft.Network/loadBalancers/${balancerName}`;

export const poolIdOf = (balancer: string): string => `${balancer}/backendAddressPools/${poolName}`;

export const wantedAddress = (spec: LoadBalancerSpec, tags: Tags | undefined): PublicIPAddress => ({
  location: spec.location.region,
  tags: { ...tags, ...ownerTags(spec.owner) },
  sku: { name: 'Standard', tier: 'Regional' },
  publicIPAllocationMethod: 'Static',
  ...(spec.location.zone === '' ? {} : { zones: allZones }),
});

/** Azure has one threshold for both ways, and answers in its own time. */
export const wantedProbe = ({ healthCheck }: LoadBalancerSpec): Probe => ({
  name: probeName,
  protocol: 'Http',
  port: healthCheck.port,
  requestPath: healthCheck.path,
  intervalInSeconds: healthCheck.intervalSeconds,
  probeThreshold: healthCheck.unhealthyAfter,
});

export const wantedRules = (spec: LoadBalancerSpec, id: string): readonly LoadBalancingRule[] =>
  spec.listeners.map(({ port, targetPort }) => ({
    name: `tcp-${port}`,
    protocol: 'Tcp',
    frontendPort: port,
    backendPort: targetPort,
    frontendIPConfiguration: { id: `${id}/frontendIPConfigurations/${frontendName}` },
    backendAddressPool: { id: poolIdOf(id) },
    probe: { id: `${id}/probes/${probeName}` },
    loadDistribution: 'Default',
    idleTimeoutInMinutes: 4,
    enableFloatingIP: false,
    enableTcpReset: true,
    // Machines have addresses of their own by which they reach the internet.
    disableOutboundSnat: true,
  }));

export const frontendOf = (balancer: LoadBalancer | undefined) =>
  balancer?.frontendIPConfigurations?.find(({ name }) => name === frontendName);
export const poolOf = (balancer: LoadBalancer | undefined): BackendAddressPool | undefined =>
  balancer?.backendAddressPools?.find(({ name }) => name === poolName);
export const probeOf = (balancer: LoadBalancer | undefined): Probe | undefined =>
  balancer?.probes?.find(({ name }) => name === probeName);

/** The whole of it. People's other pools, frontends and probes stay: nothing is sent to or from them without a rule. */
export const wantedBalancer = (
  spec: LoadBalancerSpec,
  subscriptionId: string,
  { address, seen }: { readonly address: string; readonly seen: LoadBalancer | undefined },
): LoadBalancer => {
  const id = balancerId(subscriptionId, groupName(spec.owner.clusterId));
  const others = <T extends { readonly name?: string }>(list: readonly T[] | undefined, ours: string): T[] =>
    (list ?? []).filter(({ name }) => name !== ours);
  return {
    location: spec.location.region,
    tags: { ...seen?.tags, ...ownerTags(spec.owner) },
    sku: { name: 'Standard', tier: 'Regional' },
    frontendIPConfigurations: [
      { name: frontendName, publicIPAddress: { id: address } },
      ...others(seen?.frontendIPConfigurations, frontendName),
    ],
    backendAddressPools: [{ name: poolName }, ...others(seen?.backendAddressPools, poolName)],
    probes: [wantedProbe(spec), ...others(seen?.probes, probeName)],
    loadBalancingRules: [...wantedRules(spec, id)],
  };
};

export const isInPool = (nic: NetworkInterface, pool: string): boolean =>
  nic.ipConfigurations?.some(({ loadBalancerBackendAddressPools: pools }) =>
    pools?.some(({ id }) => sameId(id, pool)),
  ) === true;

/** The interface as it is to be written, in or out of the pool by its first configuration. */
export const withPool = (nic: NetworkInterface, pool: string, isIn: boolean): NetworkInterface => ({
  ...nic,
  ipConfigurations: (nic.ipConfigurations ?? []).map((configuration, index) => {
    const others = (configuration.loadBalancerBackendAddressPools ?? []).filter(
      ({ id }) => !sameId(id, pool),
    );
    return {
      ...configuration,
      loadBalancerBackendAddressPools: [...others, ...(isIn && index === 0 ? [{ id: pool }] : [])],
    };
  }),
});
