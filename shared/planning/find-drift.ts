import type { Cluster, CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Mesh } from '../domain/mesh.ts';
import { isHeldUp, type Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';
import type { StoredCredential } from '../domain/sealed-keys.ts';
import { dnsFindings, type DnsView } from './find-dns.ts';
import { changedLoadBalancers, failedLoadBalancers } from './find-balancer-drift.ts';
import { findLosses, lossFingerprint, type Losses } from './find-losses.ts';
import { isRestoring } from './restoring.ts';
import { meshFindings } from './find-mesh-drift.ts';
import { strangers, unseenClouds } from './find-strangers.ts';
import {
  isStrayMachine,
  isSurplusMachine,
  strayMachineFingerprint,
  strayResourceFingerprint,
  strayResources,
  surplusMachineFingerprint,
} from './find-strays.ts';
import { isNewerThanRepair, keepUnknown } from './keep-findings.ts';
import { needsRotation } from './needs-rotation.ts';

/** Two slow sweeps: an older observation says nothing about now, so nothing is missing by it. */
export const sightingSecondsMax = 600;

type Found = Omit<Finding, 'clusterId' | 'seenAt'>;

/**
 * Compares what a cluster should have with what was seen. Pure: equal inputs give equal findings, so they can be stored,
 * shown and replayed.
 *
 * @returns what is wrong in the order of repair: clouds, networks, machines, load balancers, names, what is stray, who is a
 *   stranger, who cannot leave, the platform's own access; then what was so and cannot be seen now (`unconfirmedSince`).
 */
export function findDrift(options: {
  cluster: Pick<
    Cluster,
    | 'id'
    | 'name'
    | 'clouds'
    | 'desired'
    | 'status'
    | 'initialisedAt'
    | 'restore'
    | 'newestSnapshot'
    | 'lossesAcceptedAt'
    | 'createdAt'
  >;
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  sightings: readonly Sighting[];
  /** The platform's own for this cluster, `missing` when there is none; undefined when nobody looked. */
  credential?: Pick<StoredCredential, 'notBefore' | 'notAfter'> | 'missing' | undefined;
  /** Read before the nodes were; undefined when nobody looked. */
  mesh?: Mesh;
  dns?: DnsView | undefined;
  /** What the last sweep found: what is still so keeps its time. */
  known?: readonly Finding[];
  now: Instant;
}): readonly Finding[] {
  const { cluster, nodes, parts, sightings, known = [], now } = options;
  const fresh = freshOf(sightings, now);
  const found = (finding: Found): Finding => ({
    clusterId: cluster.id,
    ...finding,
    seenAt:
      known.find(({ cloud, fingerprint }) => cloud === finding.cloud && fingerprint === finding.fingerprint)
        ?.seenAt ?? now,
  });
  const lost = findLosses({
    nodes,
    fresh,
    known,
    acceptedAt: cluster.lossesAcceptedAt,
    initialisedAt: cluster.initialisedAt,
    now,
  });
  const all = [
    ...failedClouds(parts),
    ...networks(nodes, parts, fresh),
    ...losses(cluster, lost),
    ...mesh(options, lost),
    ...changedMachines(nodes, parts, fresh),
    ...failedLoadBalancers(parts),
    ...changedLoadBalancers(nodes, parts, fresh),
    ...dnsFindings(options),
    ...strays({ nodes, parts, fresh, now }),
    ...strangers(fresh),
    ...unseenClouds({ cluster, parts, sightings, secondsMax: sightingSecondsMax, now }),
    ...heldUpDrains(cluster, nodes, now),
    ...credential(cluster, options.credential, now),
  ].map(found);
  return [...all, ...keepUnknown({ known, found: all, nodes, parts, sightings, fresh })];
}

const mesh = (
  { mesh: seen, nodes, now }: Pick<Parameters<typeof findDrift>[0], 'mesh' | 'nodes' | 'now'>,
  { losses: lost }: Losses,
): readonly Found[] =>
  seen === undefined
    ? []
    : meshFindings({ mesh: seen, nodes, lost: new Set(lost.map(({ node }) => node.number)), now });

/** What is young enough to say something. */
export const freshOf = (sightings: readonly Sighting[], now: Instant): readonly Sighting[] =>
  sightings.filter(({ at }) => secondsBetween(at, now) <= sightingSecondsMax);

const failedClouds = (parts: readonly CloudParts[]): readonly Found[] =>
  parts.flatMap(({ cloud, failure }) =>
    failure === undefined
      ? []
      : [
          {
            cloud,
            fingerprint: `cloud-failed:${failure.error}`,
            kind: 'cloud-failed' as const,
            subject: cloud,
            message: `${cloud}: ${failure.error}: ${failure.message}`,
            remedy: 'it is tried again',
          },
        ],
  );

/** Of networks that stood once: before that, the run that builds them knows best. */
const networks = (
  nodes: readonly Node[],
  parts: readonly CloudParts[],
  fresh: readonly Sighting[],
): readonly Found[] =>
  fresh.flatMap((sighting): readonly Found[] => {
    const { cloud, at, observation } = sighting;
    if (parts.find((part) => part.cloud === cloud)?.network === undefined) return [];
    const hasServed = nodes.some(
      (node) => node.cloud === cloud && node.readyAt !== undefined && node.readyAt < at,
    );
    // A network that stands is part of what is seen: when nothing at all is, it has been taken away.
    if (hasServed && observation.resources.length === 0 && observation.machines.length === 0)
      return [
        {
          cloud,
          fingerprint: 'network-missing',
          kind: 'network-missing',
          subject: cloud,
          message: `${cloud}: the network is missing`,
          remedy: 'it is built again',
        },
      ];
    if (!isNewerThanRepair(sighting, parts)) return [];
    return (observation.flaws ?? [])
      .filter(({ of }) => of === 'network')
      .map(({ subject, message }) => ({
        cloud,
        fingerprint: `network-changed:${subject}`,
        kind: 'network-changed' as const,
        subject,
        message: `${cloud}: ${message}`,
        remedy: 'it is put right',
      }));
  });

function losses(
  cluster: Pick<Cluster, 'id' | 'restore' | 'newestSnapshot'>,
  { losses: lost, paused, quorum }: Losses,
): readonly Found[] {
  const isPaused = (cloud: Node['cloud']): boolean => paused.some((each) => each.cloud === cloud);
  const remedyFor = (node: Node): string => {
    if (quorum.isLost) return 'it is replaced once the cluster is restored';
    return isPaused(node.cloud) ? 'it waits for people to look' : 'it is replaced';
  };
  const present = lost.filter(({ node }) => node.desired === 'present');
  const nodeFindings = present.map(({ node, kind, why }): Found => {
    const isMissing = kind === 'gone' || kind === 'stopped';
    return {
      cloud: node.cloud,
      fingerprint: lossFingerprint({ node, kind }),
      kind: isMissing ? 'machine-missing' : 'node-unresponsive',
      subject: `node ${node.number}`,
      number: node.number,
      message: `node ${node.number} in ${node.cloud}: ${why}`,
      remedy: remedyFor(node),
    };
  });
  const pauses = paused.map(({ cloud, lost: count, of }): Found => ({
    cloud,
    fingerprint: 'replacement-paused',
    kind: 'replacement-paused',
    subject: cloud,
    message: `${cloud}: ${count} of ${of} nodes look lost at once, so none of them is replaced`,
    remedy: 'look at the cloud, and have what is lost replaced: overcast cluster reconcile --replace-lost',
  }));
  const lostQuorum: readonly Found[] = quorum.isLost
    ? [
        {
          fingerprint: 'quorum-lost',
          kind: 'quorum-lost',
          subject: cluster.id,
          message:
            quorum.members === 0
              ? 'quorum lost: no control plane is left that had joined'
              : `quorum lost: ${quorum.lost} of ${quorum.members} control planes`,
          remedy: isRestoring(cluster)
            ? `it is restored from snapshot ${cluster.restore.snapshot}`
            : cluster.newestSnapshot === undefined
              ? 'it has no snapshot: delete it and create it again'
              : 'restore it from its last snapshot',
        },
      ]
    : [];
  return [
    ...lostQuorum,
    ...pauses,
    ...nodeFindings.filter(({ kind }) => kind === 'machine-missing'),
    ...nodeFindings.filter(({ kind }) => kind === 'node-unresponsive'),
  ];
}

const changedMachines = (
  nodes: readonly Node[],
  parts: readonly CloudParts[],
  fresh: readonly Sighting[],
): readonly Found[] =>
  fresh
    .filter((sighting) => isNewerThanRepair(sighting, parts))
    .flatMap(({ cloud, observation }) =>
      (observation.flaws ?? [])
        .filter(({ of }) => of === 'machine')
        .map(({ subject, message, providerId = '' }) => ({
          cloud,
          fingerprint: `machine-changed:${providerId}:${subject}`,
          kind: 'machine-changed' as const,
          subject: providerId,
          ...numberOf(nodes.find((node) => node.cloud === cloud && node.providerId === providerId)),
          message: `${cloud}: ${message}`,
          remedy: 'it is put right',
        })),
    );

const numberOf = (node: Node | undefined): { number?: number } =>
  node === undefined ? {} : { number: node.number };

const strays = (seen: {
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  fresh: readonly Sighting[];
  now: Instant;
}): readonly Found[] =>
  seen.fresh
    .filter((sighting) => isNewerThanRepair(sighting, seen.parts))
    .flatMap(({ cloud, observation }) => [
      ...observation.machines
        .filter((machine) => isSurplusMachine(machine, { cloud, nodes: seen.nodes }))
        .map(({ providerId, name }) => ({
          cloud,
          fingerprint: surplusMachineFingerprint(providerId),
          kind: 'surplus-machine' as const,
          subject: providerId,
          message: `${cloud}: machine ${providerId} (${name}) is one more than its node has`,
          remedy: 'it is deleted',
        })),
      ...observation.machines
        .filter((machine) => isStrayMachine(machine, { cloud, nodes: seen.nodes, now: seen.now }))
        .map((machine) => ({
          cloud,
          fingerprint: strayMachineFingerprint(machine.providerId),
          kind: 'stray-machine' as const,
          subject: machine.providerId,
          message: `${cloud}: machine ${machine.providerId} (${machine.name}) belongs to no node`,
          remedy: 'it is deleted when it stays',
        })),
      ...strayResources(observation, cloud, seen.nodes).map((resource) => ({
        cloud,
        fingerprint: strayResourceFingerprint(resource),
        kind: 'stray-resource' as const,
        subject: resource.id,
        message: `${cloud}: ${resource.kind} ${resource.name === '' ? resource.id : resource.name} serves nothing`,
        remedy: 'it is deleted when it stays',
      })),
    ]);

/** Those that have been so for a while: budgets that let one pod go after another hold nobody up. */
const heldUpDrains = (
  { name }: Pick<Cluster, 'name'>,
  nodes: readonly Node[],
  now: Instant,
): readonly Found[] =>
  nodes
    .filter((node) => isHeldUp(node, now))
    .map(({ number, cloud, drainHeldUp }) => ({
      cloud,
      fingerprint: `drain-held-up:${number}`,
      kind: 'drain-held-up' as const,
      subject: `node ${number}`,
      number,
      message: `node ${number} cannot be drained: ${drainHeldUp?.because ?? ''}`,
      remedy: `it is asked again; \`overcast node remove ${name} ${number} --no-drain\` takes it as it is`,
    }));

function credential(
  cluster: Pick<Cluster, 'id' | 'status' | 'initialisedAt'>,
  stored: Parameters<typeof findDrift>[0]['credential'],
  now: Instant,
): readonly Found[] {
  const due = whyDue(cluster, stored, now);
  return due === undefined
    ? []
    : [
        {
          fingerprint: 'credential-due',
          kind: 'credential-due',
          subject: cluster.id,
          message: `the platform's credential for the cluster ${due}`,
          remedy: 'it is issued anew',
        },
      ];
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
