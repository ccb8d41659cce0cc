import type { NamesView } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { clusterNames, type HostedZone, type PublishedDns } from '../../shared/domain/dns.ts';

/** A cluster's names as far as they were published, and why others are not. */
export function namesView(
  { name, ingress }: Pick<Cluster, 'name' | 'ingress'>,
  zone: HostedZone | undefined,
  published: PublishedDns | undefined,
): NamesView {
  if (zone === undefined)
    return {
      missing: [
        'no names: this installation has no hosted zone. Deploy it with `-c hostedZoneId=… -c hostedZoneName=…` to have them',
      ],
    };
  const names = clusterNames(name, zone.name);
  const leads = (wanted: string): boolean =>
    published?.records.some((record) => record.name === wanted) === true &&
    !published.flaws.some(({ kind, subject }) => kind === 'taken' && subject === wanted);
  const isTaken = (wanted: string): boolean =>
    published?.flaws.some(({ kind, subject }) => kind === 'taken' && subject === wanted) === true;
  const missing = [
    ...(leads(names.api)
      ? []
      : [`${names.api}: ${isTaken(names.api) ? taken : 'no control plane is published yet'}`]),
    ...(leads(names.ingress)
      ? []
      : [`${names.ingress}: ${isTaken(names.ingress) ? taken : whyNoIngress(ingress)}`]),
  ];
  return {
    zone: zone.name,
    ...(leads(names.api) && { api: names.api }),
    ...(leads(names.ingress) && { ingress: names.ingress }),
    missing,
    ...(published?.failure !== undefined && { failure: published.failure }),
  };
}

const taken = 'somebody else has a record of that name';

const whyNoIngress = (ingress: Cluster['ingress']): string =>
  ingress?.loadBalancers === true
    ? 'no load balancer takes traffic yet'
    : 'it leads to load balancers, and `spec.ingress.loadBalancers` is off';
