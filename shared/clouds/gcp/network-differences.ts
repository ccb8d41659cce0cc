import type { protos } from '@google-cloud/compute';
import type { NetworkSpec } from '../../domain/network.ts';
import { firewallChanges, wantedFirewalls, type FirewallChange, type NetworkFlaw } from './firewall.ts';
import { baseName, isMarkedBy } from './names.ts';
import { routeChanges, type RouteChange } from './routes.ts';

type Compute = typeof protos.google.cloud.compute.v1;
export type INetwork = InstanceType<Compute['Network']>;
export type ISubnetwork = InstanceType<Compute['Subnetwork']>;
export type IFirewall = InstanceType<Compute['Firewall']>;
export type IRoute = InstanceType<Compute['Route']>;

/** Paths below `compute/v1/`, which the API takes wherever it wants a resource's URL. */
export const networkPath = (project: string, name: string): string =>
  `projects/${project}/global/networks/${name}`;
export const subnetworkPath = (project: string, region: string, name: string): string =>
  `projects/${project}/regions/${region}/subnetworks/${name}`;

/** A cluster's network as it stands. */
export interface SeenNetwork {
  /** Of the cluster's name, whosever it is. */
  readonly network: INetwork | undefined;
  /** Of the cluster's name, in its region. */
  readonly subnetwork: ISubnetwork | undefined;
  /** All in a network of that name. */
  readonly firewalls: readonly IFirewall[];
  readonly routes: readonly IRoute[];
}

export type NetworkChange =
  | { readonly what: 'network'; readonly verb: 'insert' | 'patch' | 'switchToCustomMode' }
  | { readonly what: 'subnetwork'; readonly verb: 'insert'; readonly range: string }
  | { readonly what: 'route'; readonly route: RouteChange }
  | { readonly what: 'firewall'; readonly firewall: FirewallChange };

/** Differences, and the one change that mends them; or the refusal's code, where no call of the API mends them. */
export type Difference = { readonly flaws: readonly NetworkFlaw[] } & (
  | { readonly change: NetworkChange }
  | { readonly refusal: 'alreadyExists' | 'invalid' }
);

/** All that `ensureNetwork` would change and `observe` calls a flaw: one list for both. */
export function networkDifferences(
  spec: NetworkSpec,
  project: string,
  seen: SeenNetwork,
): readonly Difference[] {
  const name = baseName(spec.owner.clusterId);
  const { network } = seen;
  if (network === undefined)
    return [
      {
        flaws: [{ subject: 'network:missing', message: `network ${name} is gone` }],
        change: { what: 'network', verb: 'insert' },
      },
    ];
  // A description is written once, when a network or subnet is made: marks can be neither taken off nor put back.
  if (!isMarkedBy(network, spec.owner))
    return [
      {
        flaws: [
          {
            subject: 'network:marks',
            message: `network ${name} is there and does not carry the cluster's marks`,
          },
        ],
        refusal: 'alreadyExists',
      },
    ];
  const path = networkPath(project, name);
  return [
    ...modeDifferences(network, name),
    ...subnetworkDifferences(spec, seen.subnetwork, name, path),
    ...routeChanges(seen.routes)
      // GCE makes a network's way out a moment after the network: one that has no subnet yet may still be in the making.
      .filter(({ verb }) => verb === 'delete' || seen.subnetwork !== undefined)
      .map((route) => ({
        flaws: route.flaws,
        change: { what: 'route', route } as const,
      })),
    ...firewallChanges(wantedFirewalls(spec, path), seen.firewalls).map((firewall) => ({
      flaws: firewall.flaws,
      change: { what: 'firewall', firewall } as const,
    })),
  ];
}

function modeDifferences(network: INetwork, name: string): Difference[] {
  const differences: Difference[] = [];
  if (network.autoCreateSubnetworks === true)
    differences.push({
      flaws: [
        { subject: 'network:mode', message: `network ${name} makes subnets by itself in every region` },
      ],
      change: { what: 'network', verb: 'switchToCustomMode' },
    });
  const routingMode = network.routingConfig?.routingMode ?? 'REGIONAL';
  if (routingMode !== 'REGIONAL')
    differences.push({
      flaws: [
        {
          subject: 'network:routing-mode',
          message: `network ${name} has the routing mode ${routingMode}, not REGIONAL`,
        },
      ],
      change: { what: 'network', verb: 'patch' },
    });
  return differences;
}

export const candidateOf = (spec: NetworkSpec, subnetwork: ISubnetwork | undefined) =>
  spec.candidates.find((one) => subnetwork === undefined || one.subnet === subnetwork.ipCidrRange);

function subnetworkDifferences(
  spec: NetworkSpec,
  subnetwork: ISubnetwork | undefined,
  name: string,
  path: string,
): Difference[] {
  const flaw = (what: string, message: string): readonly NetworkFlaw[] => [
    { subject: `subnetwork:${what}`, message: `subnet ${name} ${message}` },
  ];
  if (subnetwork !== undefined && !isMarkedBy(subnetwork, spec.owner))
    return [
      {
        flaws: flaw('marks', "is there and does not carry the cluster's marks"),
        refusal: 'alreadyExists',
      },
    ];
  if (subnetwork !== undefined && !(subnetwork.network ?? '').endsWith(path))
    return [{ flaws: flaw('network', 'is in another network'), refusal: 'alreadyExists' }];
  const candidate = candidateOf(spec, subnetwork);
  // A subnet can be widened by hand, and never made smaller again.
  if (candidate === undefined)
    return [
      {
        flaws: flaw('range', `has ${subnetwork?.ipCidrRange ?? 'no range'}, which nobody asked for`),
        refusal: 'invalid',
      },
    ];
  return subnetwork === undefined
    ? [
        {
          flaws: flaw('missing', 'is gone'),
          change: { what: 'subnetwork', verb: 'insert', range: candidate.subnet },
        },
      ]
    : [];
}
