import type { protos } from '@google-cloud/compute';
import type { NetworkFlaw } from './firewall.ts';

type IRoute = protos.google.cloud.compute.v1.IRoute;

const isSet = (text: string | null | undefined): boolean => (text ?? '') !== '';

/** Comes and goes with a subnet, a peering or a router: nobody can delete it by itself. */
const isDerived = (route: IRoute): boolean =>
  isSet(route.nextHopNetwork) ||
  isSet(route.nextHopPeering) ||
  isSet(route.nextHopHub) ||
  (isSet(route.routeType) && route.routeType !== 'STATIC');

/** For every machine of the network: a route with tags is for those that carry one of them. */
export const leadsToInternet = (route: IRoute): boolean =>
  route.destRange === '0.0.0.0/0' &&
  (route.nextHopGateway ?? '').endsWith('/default-internet-gateway') &&
  (route.tags ?? []).length === 0;

/** What GCE made with the network, and takes along with it. */
export const goesWithNetwork = (route: IRoute): boolean =>
  isDerived(route) || (leadsToInternet(route) && route.name?.startsWith('default-route-') === true);

export type RouteChange = { readonly flaws: readonly NetworkFlaw[] } & (
  | { readonly verb: 'insert' }
  | { readonly verb: 'delete'; readonly name: string }
);

/**
 * What makes the network's routes right: one way to the internet, and no other route of anybody's making, since that
 * would lead a part of the traffic elsewhere.
 */
export function routeChanges(present: readonly IRoute[]): readonly RouteChange[] {
  const changes: RouteChange[] = present
    .filter((route) => !isDerived(route) && !leadsToInternet(route))
    .map((route) => ({
      verb: 'delete',
      name: route.name ?? '',
      flaws: [
        {
          subject: `route:surplus:${route.name ?? ''}`,
          message: `route ${route.name ?? ''} for ${route.destRange ?? ''} was added by hand`,
        },
      ],
    }));
  if (!present.some(leadsToInternet))
    changes.push({
      verb: 'insert',
      flaws: [{ subject: 'route:internet:missing', message: 'the way to the internet is gone' }],
    });
  return changes;
}
