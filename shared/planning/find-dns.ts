import type { Cluster, CloudParts } from '../domain/cluster.ts';
import type { HostedZone, PublishedDns } from '../domain/dns.ts';
import type { Finding } from '../domain/finding.ts';
import type { Node } from '../domain/node.ts';
import { isPublished, planDns } from './plan-dns.ts';

type Found = Omit<Finding, 'clusterId' | 'seenAt'>;

/** What is known of a cluster's names; undefined where the installation has no zone. */
export interface DnsView {
  readonly zone: HostedZone;
  /** Undefined before they were published for the first time. */
  readonly published: PublishedDns | undefined;
}

interface Known {
  readonly cluster: Pick<Cluster, 'id' | 'name' | 'desired'>;
  readonly nodes: readonly Node[];
  readonly parts: readonly CloudParts[];
  readonly dns?: DnsView | undefined;
}

const isOutdated = ({ dns, ...rest }: Known & { readonly dns: DnsView }): boolean =>
  !isPublished(planDns({ ...rest, zone: dns.zone }), dns.published);

/**
 * Whether names are to be published although nothing of what was published is wrong: somebody came or went, and the run that
 * should have told is over. While a control plane is on its way in or out its own run does it.
 */
export const isDnsDue = (known: Known): boolean => {
  const { nodes, dns } = known;
  const isOnItsWay = ({ role, operation, desired, phase }: Node): boolean =>
    role === 'control-plane' && (operation !== undefined || (desired === 'absent' && phase !== 'deleted'));
  return dns !== undefined && !nodes.some(isOnItsWay) && isOutdated({ ...known, dns });
};

/** What is wrong with a cluster's names. What a look saw of names that are being changed says nothing. */
export function dnsFindings(known: Known): readonly Found[] {
  const { dns } = known;
  if (dns?.published === undefined) return [];
  const { failure, flaws } = dns.published;
  const failed: readonly Found[] =
    failure === undefined
      ? []
      : [
          {
            fingerprint: `dns-failed:${failure.error}`,
            kind: 'dns-failed',
            subject: dns.zone.name,
            message: `names in ${dns.zone.name}: ${failure.error}: ${failure.message}`,
            remedy: 'it is tried again',
          },
        ];
  const seen = isOutdated({ ...known, dns }) ? [] : flaws;
  return [
    ...failed,
    ...seen.map(({ kind, subject, message }): Found => ({
      fingerprint: `dns-${kind}:${subject}`,
      kind: kind === 'taken' ? 'dns-name-taken' : 'dns-changed',
      subject,
      message,
      remedy: kind === 'taken' ? 'it is published once that record is gone' : 'it is put right',
    })),
  ];
}
