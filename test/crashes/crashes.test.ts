import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../shared/clouds/contract.ts';
import { boundedCases, Cases, sample } from './cases.ts';
import { runPlatformCase } from './platform/cases.ts';
import { WireCases } from './wire/cases.ts';

const cases = new Cases();
afterAll(() => cases.close());

/** A driver whose every create is another one. */
const withoutToken = (driver: Cloud): Cloud => ({
  ...driver,
  createMachine: (request) => driver.createMachine({ ...request, token: randomUUID() }),
});

describe('a run that is cut ends as if nothing had been', { timeout: 120_000 }, () => {
  it('at calls of the platform and at requests of its drivers', async () => {
    const { recorded, platform, wire } = await cases.record();
    // All four clouds, and every method of theirs: what is not recorded is not cut.
    expect(recorded).toHaveLength(2 + 4 * 4);
    for (const { what, calls } of recorded) expect(calls, what).toBeGreaterThan(2);
    const outcomes = await cases.run([
      ...sample(platform, boundedCases.platform),
      ...sample(wire, boundedCases.wire),
    ]);
    expect(outcomes.flatMap(({ failure }) => failure ?? [])).toEqual([]);
    for (const { id, cuts } of outcomes) expect(cuts, id).toBeGreaterThan(0);
  });

  it('and one that does not is found: a create that is another one each time, at the platform', async () => {
    const uncut = await cases.platform();
    const call = uncut.calls.create.findIndex(({ what }) => what === 'aws.createMachine') + 1;
    const { failure } = await runPlatformCase(uncut, `platform-create-${call}-after`, withoutToken);
    expect(failure).toContain('aws.createMachine');
  });

  it('and on the wire', async () => {
    const wire = new WireCases('aws');
    const worse = new WireCases('aws', withoutToken);
    const requests = await wire.requests('createMachine');
    const { failure } = await worse.run(
      `wire-aws-createMachine-${requests.indexOf('RunInstances') + 1}-after-dies`,
    );
    await Promise.all([wire.close(), worse.close()]);
    expect(failure).toBeDefined();
  });

  it('names its cases so that they can be run again', async () => {
    const [one, two, three] = await cases.run([
      'wire-digitalocean-createMachine-1-before-dies',
      'platform-create-7-before-twice',
      'platform-delete-1-after',
    ]);
    expect([one?.failure, two?.failure, three?.failure]).toEqual([undefined, undefined, undefined]);
    await expect(cases.run(['platform-create-x-before'])).rejects.toThrow('not a case');
  });
});
