import { apiServerPort } from '../domain/network.ts';
import type { CloudParts, Cluster } from '../domain/cluster.ts';
import { clusterNames, type DnsRecord, type HostedZone } from '../domain/dns.ts';
import type { ClusterId } from '../domain/ids.ts';
import { ingressPorts, type LoadBalancer } from '../domain/load-balancer.ts';
import type { Node } from '../domain/node.ts';

/** What a set identifier of a cluster's begins with. UUIDs are nobody else's, in this installation or another. */
const recordPrefix = (clusterId: ClusterId): string => `overcast:${clusterId}:`;
/** What a health check's caller reference begins with; Route 53 takes 64 characters. */
const checkPrefix = (clusterId: ClusterId): string => `${clusterId}/`;

const nonceCharactersMax = 24;

/** A health check's caller reference. `nonce` is new each time: one of a check that was deleted is refused for days. */
export const checkReference = (clusterId: ClusterId, nonce: string): string =>
  `${checkPrefix(clusterId)}${nonce.slice(0, nonceCharactersMax)}`;

export const isRecordOf = (clusterId: ClusterId, record: { readonly setIdentifier?: string }): boolean =>
  record.setIdentifier?.startsWith(recordPrefix(clusterId)) === true;
export const isCheckOf = (clusterId: ClusterId, check: { readonly callerReference: string }): boolean =>
  check.callerReference.startsWith(checkPrefix(clusterId));

/**
 * A cluster's records as they should be: its API's name gives every control plane that serves, its own name one of the clouds'
 * load balancers in turn, and whatever is under its name the same. A name that would lead nowhere has no record.
 *
 * @returns in an order of their own: equal clusters have equal lists.
 */
export function planDns(options: {
  cluster: Pick<Cluster, 'id' | 'name' | 'desired'>;
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  zone: HostedZone;
}): readonly DnsRecord[] {
  const { cluster, nodes, parts, zone } = options;
  if (cluster.desired !== 'present') return [];
  const names = clusterNames(cluster.name, zone.name);
  const identify = (part: string): string => `${recordPrefix(cluster.id)}${part}`;
  const controlPlanes = nodes
    .filter(serves)
    .toSorted((a, b) => a.number - b.number)
    .flatMap(({ number, publicAddress: address }): readonly DnsRecord[] =>
      address === undefined
        ? []
        : [
            {
              name: names.api,
              setIdentifier: identify(`node-${number}`),
              routing: 'multivalue',
              target: { addresses: [address] },
              check: { address, port: apiServerPort },
            },
          ],
    );
  const balancers = parts
    .toSorted((a, b) => a.cloud.localeCompare(b.cloud))
    .flatMap(({ cloud, loadBalancer }): readonly DnsRecord[] => {
      const to = loadBalancer === undefined ? undefined : wayTo(loadBalancer);
      return to === undefined
        ? []
        : [{ name: names.ingress, setIdentifier: identify(cloud), routing: 'weighted', ...to }];
    });
  const wildcard: readonly DnsRecord[] =
    balancers.length === 0
      ? []
      : [
          {
            name: names.wildcard,
            setIdentifier: identify('ingress'),
            routing: 'weighted',
            target: { alias: names.ingress, zoneId: zone.id },
          },
        ];
  return [...controlPlanes, ...balancers, ...wildcard];
}

/** In the answer from when it has joined until it is to go; whether it answers is the health check's to say. */
const serves = ({ role, desired, joinedAt, phase, failure }: Node): boolean =>
  role === 'control-plane' &&
  desired === 'present' &&
  joinedAt !== undefined &&
  phase !== 'failed' &&
  phase !== 'deleted' &&
  failure === undefined;

/** AWS's balancer has a name, and says itself how it is; of the others' addresses the first is asked. */
function wayTo({ dnsName, addresses, parts }: LoadBalancer): Pick<DnsRecord, 'target' | 'check'> | undefined {
  const { hostedZoneId } = parts;
  if (dnsName !== undefined && hostedZoneId !== undefined)
    return { target: { alias: dnsName.toLowerCase(), zoneId: hostedZoneId } };
  const [address] = addresses;
  if (address === undefined) return undefined;
  return { target: { addresses: addresses.toSorted() }, check: { address, port: ingressPorts[0] } };
}

/** Whether what should be published is what was. */
export const isPublished = (
  wanted: readonly DnsRecord[],
  published: { readonly records: readonly DnsRecord[] } | undefined,
): boolean => canonical(wanted) === canonical(published?.records ?? []);

/** Field by field: what comes back from the table may have its fields in another order. */
const canonical = (records: readonly DnsRecord[]): string =>
  JSON.stringify(
    records.map(({ name, setIdentifier, routing, target, check }) => [
      name,
      setIdentifier,
      routing,
      'alias' in target ? [target.alias, target.zoneId] : target.addresses,
      check === undefined ? [] : [check.address, check.port],
    ]),
  );
