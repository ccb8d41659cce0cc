import type { CloudParts, Cluster } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import type { Node } from '../domain/node.ts';

export interface Told {
  readonly kind: Finding['kind'];
  readonly number?: number;
  readonly message: string;
}

/** What a repair run puts right; everything else changes by itself, or by a node that is replaced. */
const mendedByRuns: ReadonlySet<Finding['kind']> = new Set([
  'network-missing',
  'network-changed',
  'machine-changed',
  'load-balancer-changed',
  'load-balancer-failed',
  'dns-changed',
  'dns-failed',
  'stray-machine',
  'surplus-machine',
  'stray-resource',
  'mesh-changed',
  'credential-due',
]);
const ofNodes: ReadonlySet<Finding['kind']> = new Set(['machine-missing', 'node-unresponsive']);

const charactersMax = 1000;

/**
 * What is said to people of findings that have just come and gone. A lost node that was let go is no news that is good:
 * its replacement tells of itself.
 *
 * @param opened, closed as the store returned them.
 * @param parts as they were read after the cluster.
 */
export function tellFindings(options: {
  cluster: Pick<Cluster, 'operation'>;
  opened: readonly Finding[];
  closed: readonly Finding[];
  parts: readonly CloudParts[];
  nodes: readonly Node[];
}): {
  readonly opened: readonly (Told & { readonly remedy: string })[];
  readonly closed: readonly (Told & { readonly how: 'mended' | 'gone' })[];
} {
  const { cluster, opened, closed, parts, nodes } = options;
  const isMending = cluster.operation?.kind === 'ProvisionCluster';
  const stays = ({ kind, number }: Finding): boolean =>
    !ofNodes.has(kind) || nodes.some((node) => node.number === number && node.desired === 'present');
  return {
    opened: opened.map((finding) => ({ ...told(finding), remedy: finding.remedy })),
    closed: closed
      .filter(stays)
      .map((finding) => ({ ...told(finding), how: isMended(finding, parts, isMending) ? 'mended' : 'gone' })),
  };
}

const told = ({ kind, number, message }: Finding): Told => ({
  kind,
  ...(number !== undefined && { number }),
  message: message.slice(0, charactersMax),
});

/** A run has been through its cloud since it was first seen, or is just there. */
const isMended = (
  { kind, cloud, seenAt }: Finding,
  parts: readonly CloudParts[],
  isMending: boolean,
): boolean => {
  if (!mendedByRuns.has(kind)) return false;
  if (cloud === undefined || isMending) return true;
  const mendedAt = parts.find((part) => part.cloud === cloud)?.mendedAt;
  return mendedAt !== undefined && mendedAt > seenAt;
};
