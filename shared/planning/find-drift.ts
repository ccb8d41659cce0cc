import type { Cluster, CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';
import type { StoredCredential } from '../domain/sealed-keys.ts';
import { needsRotation } from './needs-rotation.ts';

/** Two slow sweeps: an older observation says nothing about now, so nothing is missing by it. */
export const sightingSecondsMax = 600;
/** Machines in flight must never be taken for stray. */
export const strayGraceSeconds = 600;
/** A machine that was just made may be hidden from lists for a while. */
const missingGraceSeconds = 120;
/** An agent syncs at least every 60 s and its time is written at least every 5 min. */
const silentSecondsMax = 900;

/**
 * Compares what a cluster should have with what was seen. Pure: equal inputs give equal findings, so they can be stored,
 * shown and replayed.
 *
 * @returns what is wrong in the order of repair: clouds, networks, machines, what is stray, the platform's own access.
 */
export function findDrift(options: {
  cluster: Pick<Cluster, 'id' | 'clouds' | 'status' | 'initialisedAt'>;
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  sightings: readonly Sighting[];
  /** The platform's own for this cluster, `missing` when there is none; undefined when nobody looked. */
  credential?: Pick<StoredCredential, 'notBefore' | 'notAfter'> | 'missing' | undefined;
  now: Instant;
}): readonly Finding[] {
  const { cluster, nodes, parts, now } = options;
  const fresh = options.sightings.filter(({ at }) => secondsBetween(at, now) <= sightingSecondsMax);
  const found = (finding: Omit<Finding, 'clusterId' | 'seenAt'>): Finding => ({
    clusterId: cluster.id,
    ...finding,
    seenAt: now,
  });

  const failedClouds = parts.flatMap(({ cloud, failure }) =>
    failure === undefined
      ? []
      : [
          found({
            cloud,
            fingerprint: `cloud-failed:${failure.error}`,
            kind: 'cloud-failed',
            subject: cloud,
            message: `${cloud}: ${failure.error}: ${failure.message}`,
            remedy: 'it is tried again',
          }),
        ],
  );

  // A network that stands is part of what is seen: when nothing at all is, it has been taken away.
  const lostNetworks = fresh
    .filter(({ cloud, at, observation }) => {
      const network = parts.find((part) => part.cloud === cloud)?.network;
      const owned = nodes.some(
        (node) => node.cloud === cloud && node.readyAt !== undefined && node.readyAt < at,
      );
      return (
        network !== undefined &&
        owned &&
        observation.resources.length === 0 &&
        observation.machines.length === 0
      );
    })
    .map(({ cloud }) =>
      found({
        cloud,
        fingerprint: 'network-missing',
        kind: 'network-missing',
        subject: cloud,
        message: `${cloud}: the network is missing`,
        remedy: 'it is built again',
      }),
    );

  const missing = nodes.flatMap((node) => {
    const why = whyMissing(node, fresh);
    return why === undefined
      ? []
      : [
          found({
            cloud: node.cloud,
            fingerprint: `machine-missing:${node.number}:${node.attempt}`,
            kind: 'machine-missing',
            subject: `node ${node.number}`,
            message: `node ${node.number} in ${node.cloud}: ${why}`,
            remedy: 'remove the node and add another',
          }),
        ];
  });

  const silent = nodes
    .filter(
      (node) =>
        node.desired === 'present' &&
        servingSince(node) !== undefined &&
        node.lastSeenAt !== undefined &&
        secondsBetween(node.lastSeenAt, now) > silentSecondsMax &&
        !missing.some(({ subject }) => subject === `node ${node.number}`),
    )
    .map((node) =>
      found({
        cloud: node.cloud,
        fingerprint: `node-unresponsive:${node.number}:${node.attempt}`,
        kind: 'node-unresponsive',
        subject: `node ${node.number}`,
        message: `node ${node.number} in ${node.cloud} was last heard of at ${node.lastSeenAt ?? 'no time'}`,
        remedy: 'look at its machine, or remove the node and add another',
      }),
    );

  const due = whyDue(cluster, options.credential, now);
  const credential =
    due === undefined
      ? []
      : [
          found({
            fingerprint: 'credential-due',
            kind: 'credential-due',
            subject: cluster.id,
            message: `the platform's credential for the cluster ${due}`,
            remedy: 'it is issued anew',
          }),
        ];

  return [
    ...failedClouds,
    ...lostNetworks,
    ...missing,
    ...silent,
    ...strays(nodes, fresh, now).map(found),
    ...credential,
  ];
}

/** From when on a node is missed; one that joined and was never ready has nobody else who waits for it. */
const servingSince = ({ phase, readyAt, joinedAt }: Node): Instant | undefined =>
  phase === 'ready' ? readyAt : phase === 'booting' || phase === 'joining' ? joinedAt : undefined;

/** Only a node that serves is missed, only by an observation that is fresh and younger than its readiness. */
function whyMissing(node: Node, fresh: readonly Sighting[]): string | undefined {
  const since = servingSince(node);
  if (node.desired !== 'present' || since === undefined || node.providerId === undefined) return undefined;
  const sighting = fresh.find(({ cloud }) => cloud === node.cloud);
  if (sighting === undefined) return undefined;
  if (secondsBetween(since, sighting.at) < missingGraceSeconds) return undefined;
  const machine = sighting.observation.machines.find(({ providerId }) => providerId === node.providerId);
  if (machine === undefined) return 'its machine is gone';
  return machine.state === 'stopped' || machine.state === 'stopping'
    ? `its machine is ${machine.state}`
    : undefined;
}

/** While a cluster is made its own run issues the first one. */
function whyDue(
  { status, initialisedAt }: Pick<Cluster, 'status' | 'initialisedAt'>,
  credential: Parameters<typeof findDrift>[0]['credential'],
  now: Instant,
): string | undefined {
  if (credential === undefined || initialisedAt === undefined) return undefined;
  if (credential === 'missing') return status === 'ready' || status === 'degraded' ? 'is missing' : undefined;
  const due = needsRotation(credential, now);
  if (due === 'no') return undefined;
  return `${due === 'soon' ? 'runs' : 'ran'} out at ${credential.notAfter}`;
}

/** Machines with the cluster's tags that no live node accounts for. */
const strays = (
  nodes: readonly Node[],
  fresh: readonly Sighting[],
  now: Instant,
): readonly Omit<Finding, 'clusterId' | 'seenAt'>[] =>
  fresh.flatMap(({ cloud, observation }) =>
    observation.machines
      .filter((machine) => secondsBetween(machine.createdAt, now) > strayGraceSeconds)
      .filter((machine) => {
        const node = nodes.find(({ id }) => id === machine.nodeId);
        if (node === undefined || node.phase === 'deleted') return true;
        // Without a recorded machine the node may be about to record this one.
        return node.providerId !== undefined && node.providerId !== machine.providerId;
      })
      .map((machine) => ({
        cloud,
        fingerprint: `stray-machine:${machine.providerId}`,
        kind: 'stray-machine' as const,
        subject: machine.providerId,
        message: `${cloud}: machine ${machine.providerId} (${machine.name}) belongs to no node`,
        remedy: 'look at it, and delete it by hand',
      })),
  );
