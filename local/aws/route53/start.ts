import { startResponder } from './responder.ts';
import { openRoute53, type Route53, type Route53World } from './route53.ts';

export interface Names extends Pick<Route53, 'serve'> {
  /** On 127.0.0.1; undefined while there is no zone, or nobody to ask. */
  readonly dnsPort: number | undefined;
  readonly close: () => Promise<void>;
}

/** Where the local platform has no world around it nothing answers. */
const nobodyAnswers: Route53World = {
  probe: async () => false,
  resolveAlias: async () => undefined,
  strike: () => undefined,
};

/**
 * Route 53 with the zone that the template tells of in its outputs, which its owner has before anything is deployed; and a
 * responder for it where there is a world.
 */
export async function startNames(
  options: Omit<Parameters<typeof openRoute53>[0], 'zones' | 'world'> & {
    readonly outputs: Readonly<Record<string, string>>;
    readonly world: (Route53World & { readonly port: number }) | undefined;
  },
): Promise<Names> {
  const { outputs, world, ...rest } = options;
  const { HostedZoneId: id, HostedZoneName: name } = outputs;
  const zones = id === undefined || name === undefined ? [] : [{ id, name }];
  const route53 = openRoute53({ ...rest, zones, world: world ?? nobodyAnswers });
  const responder =
    world === undefined || zones.length === 0
      ? undefined
      : await startResponder({ port: world.port, answer: route53.answer, log: rest.log });
  return {
    serve: route53.serve,
    dnsPort: responder?.port,
    async close() {
      await responder?.close();
      route53.close();
    },
  };
}
