import { describe, expect, it } from 'vitest';
import { contextEnvironment, hostedZoneFrom, localHostedZone } from './hosted-zone.ts';

const from = (context: Readonly<Record<string, unknown>>) => hostedZoneFrom((key) => context[key]);

describe('the hosted zone of an installation', () => {
  it('is none unless it is named', () => {
    expect(from({})).toBeUndefined();
  });

  it('is the one that is named, as the local platform names its own', () => {
    const context = JSON.parse(contextEnvironment(localHostedZone).CDK_CONTEXT_JSON) as Record<
      string,
      string
    >;
    expect(from(context)).toEqual(localHostedZone);
  });

  it.each<[string, Record<string, unknown>]>([
    ['hostedZoneId', { hostedZoneName: 'example.org' }],
    ['hostedZoneName', { hostedZoneId: 'Z0123' }],
    ['hostedZoneId', { hostedZoneId: '/hostedzone/Z0123', hostedZoneName: 'example.org' }],
    ['hostedZoneId', { hostedZoneId: 7, hostedZoneName: 'example.org' }],
    ['hostedZoneName', { hostedZoneId: 'Z0123', hostedZoneName: 'example.org.' }],
    ['hostedZoneName', { hostedZoneId: 'Z0123', hostedZoneName: 'Example.org' }],
    ['hostedZoneName', { hostedZoneId: 'Z0123', hostedZoneName: 'org' }],
    ['hostedZoneName', { hostedZoneId: 'Z0123', hostedZoneName: '*.example.org' }],
  ])('names %s when it is wrong: %o', (name, context) => {
    expect(() => from(context)).toThrow(new RegExp(`^${name}: must be`));
  });
});
