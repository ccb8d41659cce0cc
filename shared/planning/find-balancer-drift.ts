import type { CloudName } from '../domain/cloud.ts';
import type { CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';
import { isNewerThanRepair } from './keep-findings.ts';

type Found = Omit<Finding, 'clusterId' | 'seenAt'>;

/** What a cloud takes at most to put a machine behind its load balancer: Azure up to a minute. */
const placingSeconds = 120;

/** Those that could not be built or put right. */
export const failedLoadBalancers = (parts: readonly CloudParts[]): readonly Found[] =>
  parts.flatMap(({ cloud, loadBalancerFailure: failure }) =>
    failure === undefined
      ? []
      : [
          {
            cloud,
            fingerprint: `load-balancer-failed:${failure.error}`,
            kind: 'load-balancer-failed' as const,
            subject: cloud,
            message: `${cloud}: no load balancer: ${failure.error}: ${failure.message}`,
            remedy: 'it is tried again',
          },
        ],
  );

/**
 * Of those that were recorded: before that, the run that builds them knows best. So does a node's own run of its member: while
 * it leaves, and until it had time to take its place after it joined, nothing is amiss.
 */
export const changedLoadBalancers = (
  nodes: readonly Node[],
  parts: readonly CloudParts[],
  fresh: readonly Sighting[],
): readonly Found[] =>
  fresh
    .filter((sighting) => isNewerThanRepair(sighting, parts))
    .filter(({ cloud }) => parts.find((part) => part.cloud === cloud)?.loadBalancer !== undefined)
    .flatMap(({ cloud, at, observation }) =>
      (observation.flaws ?? [])
        .filter(({ of, subject }) => of === 'load-balancer' && !isSeenTo(nodes, { cloud, at, subject }))
        .map(({ subject, message }) => ({
          cloud,
          fingerprint: `load-balancer-changed:${subject}`,
          kind: 'load-balancer-changed' as const,
          subject,
          message: `${cloud}: ${message}`,
          remedy: 'it is put right',
        })),
    );

const isSeenTo = (
  nodes: readonly Node[],
  { cloud, at, subject }: { readonly cloud: CloudName; readonly at: Instant; readonly subject: string },
): boolean =>
  nodes.some(
    (node) =>
      node.cloud === cloud &&
      node.providerId !== undefined &&
      subject.endsWith(`:${node.providerId}`) &&
      (node.operation !== undefined ||
        (node.joinedAt !== undefined && secondsBetween(node.joinedAt, at) < placingSeconds)),
  );
