import { hostedZoneIdPattern, hostedZoneNamePattern, type HostedZone } from '../shared/domain/dns.ts';

const keys = { id: 'hostedZoneId', name: 'hostedZoneName' } as const;

/**
 * The hosted zone that `cdk deploy -c hostedZoneId=Z… -c hostedZoneName=example.org` names; without both there is none.
 *
 * @throws an Error that names the setting when it is not of its form, or the other one is missing.
 */
export function hostedZoneFrom(context: (key: string) => unknown): HostedZone | undefined {
  const [id, name] = [keys.id, keys.name].map((key) => context(key));
  if (id === undefined && name === undefined) return undefined;
  if (typeof id !== 'string' || !hostedZoneIdPattern.test(id))
    throw new Error(
      `${keys.id}: must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ, not ${shown(id)}`,
    );
  if (typeof name !== 'string' || !hostedZoneNamePattern.test(name))
    throw new Error(
      `${keys.name}: must be the zone's name in lower case and without a dot at its end, such as example.org, not ${shown(name)}`,
    );
  return { id, name };
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** The zone of the local platform, whose own Route 53 has it from the beginning. `test` is nobody's: RFC 6761. */
export const localHostedZone: HostedZone = { id: 'Z0LOCALOVERCAST', name: 'overcast.test' };

/** What CDK reads of its context from the environment. */
export const contextEnvironment = ({
  id,
  name,
}: HostedZone): Readonly<Record<'CDK_CONTEXT_JSON', string>> => ({
  CDK_CONTEXT_JSON: JSON.stringify({ [keys.id]: id, [keys.name]: name }),
});
