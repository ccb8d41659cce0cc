import { thousandths, wholeUnits } from '../quantity.ts';
import type { Container, Pod } from '../shapes.ts';

/** By resource: `cpu` in thousandths of a core, all else in whole units (bytes, pods). */
export type Amounts = Readonly<Record<string, number>>;

type Quantities = Readonly<Record<string, string | number>> | undefined;

/** What is not a quantity counts as nothing. */
export const amountsOf = (quantities: Quantities): Amounts =>
  Object.fromEntries(
    Object.entries(quantities ?? {}).map(([resource, quantity]) => [
      resource,
      (resource === 'cpu' ? thousandths(quantity) : wholeUnits(quantity)) ?? 0,
    ]),
  );

const joined = (a: Amounts, b: Amounts, how: (x: number, y: number) => number): Amounts => {
  const all = { ...a };
  for (const [resource, amount] of Object.entries(b)) all[resource] = how(all[resource] ?? 0, amount);
  return all;
};

const plus = (a: Amounts, b: Amounts): Amounts => joined(a, b, (x, y) => x + y);
const atLeast = (a: Amounts, b: Amounts): Amounts => joined(a, b, Math.max);

const requestsOf = ({ resources }: Container): Amounts =>
  amountsOf({ ...resources?.limits, ...resources?.requests });

/**
 * What a pod holds of its node while it is there: all containers and sidecars together, or the most that starting takes
 * when that is more, and one place among the pods.
 */
export function requestsOfPod({ spec }: Pod): Amounts {
  let running: Amounts = {};
  for (const container of spec.containers) running = plus(running, requestsOf(container));
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = requestsOf(container);
    if (container.restartPolicy === 'Always') sidecars = plus(sidecars, own);
    starting = atLeast(starting, container.restartPolicy === 'Always' ? sidecars : plus(sidecars, own));
  }
  const held = atLeast(plus(running, sidecars), starting);
  return { ...plus(held, amountsOf(spec.overhead)), pods: 1 };
}

export interface HostPort {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

const everyAddress = '0.0.0.0';

export const hostPortsOf = ({ spec }: Pod): readonly HostPort[] =>
  [
    ...spec.containers,
    ...(spec.initContainers ?? []).filter((each) => each.restartPolicy === 'Always'),
  ].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, hostIP, protocol = 'TCP' }) => {
      // In the host's own network a container's port is the host's.
      const port = hostPort ?? (spec.hostNetwork === true ? containerPort : undefined);
      const address = hostIP === undefined || hostIP === '' ? everyAddress : hostIP;
      return port === undefined || port === 0 ? [] : [{ protocol, address, port }];
    }),
  );

export const portsCollide = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port &&
  a.protocol === b.protocol &&
  (a.address === b.address || a.address === everyAddress || b.address === everyAddress);
