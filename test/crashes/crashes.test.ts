import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../shared/clouds/contract.ts';
import { boundedCases, Cases, sample } from './cases.ts';
import { runPlatformCase, Uncut } from './platform/cases.ts';
import type { Through } from './platform/world.ts';
import { methods, WireCases } from './wire/cases.ts';

const cases = new Cases();
afterAll(() => cases.close());

/** Longer than Step Functions waits before its first new try, shorter than between two polls of a machine. */
const lagMilliseconds = 2500;

/** A driver that drops the client token and looks first, in a list that lags: without a cut nobody notices. */
const looksFirst: Through = (driver, nowMs) => ({
  ...driver,
  createMachine: async (request) => {
    const { owner, nodeId, offering } = request;
    const [seen] = await driver.observe([owner], offering);
    const machine = seen?.machines.find(
      (each) => each.nodeId === nodeId && nowMs() - Date.parse(each.createdAt) > lagMilliseconds,
    );
    if (machine === undefined) return driver.createMachine({ ...request, token: randomUUID() });
    return machine.state === 'running'
      ? { done: true, value: machine }
      : { done: false, retryAfterSeconds: 3, waitingFor: 'the machine' };
  },
});

/** A driver that makes up its client tokens itself: with the next function come others. */
const tokensOfItsOwn = (driver: Cloud): Cloud => {
  const tokens = new Map<string, string>();
  const tokenOf = (nodeId: string): string => {
    const token = tokens.get(nodeId) ?? randomUUID();
    tokens.set(nodeId, token);
    return token;
  };
  return {
    ...driver,
    createMachine: (request) => driver.createMachine({ ...request, token: tokenOf(request.nodeId) }),
  };
};

describe('a run that is cut ends as if nothing had been', { timeout: 120_000 }, () => {
  it('at calls of the platform and at requests of its drivers', async () => {
    const { recorded, platform, wire } = await cases.record();
    // All four clouds, and every method of theirs: what is not recorded is not cut.
    expect(recorded).toHaveLength(2 + 4 * methods.length);
    for (const { what, calls } of recorded) expect(calls, what).toBeGreaterThan(2);
    const outcomes = await cases.run([
      ...sample(platform, boundedCases.platform),
      ...sample(wire, boundedCases.wire),
    ]);
    expect(outcomes.flatMap(({ failure }) => failure ?? [])).toEqual([]);
    for (const { id, cuts } of outcomes) expect(cuts, id).toBeGreaterThan(0);
  });

  it('and one that does not is found, at the platform: a driver that drops its client token', async () => {
    const uncut = await Uncut.record(looksFirst);
    const call = uncut.calls.create.findIndex(({ what }) => what === 'aws.createMachine') + 1;
    const cut = await runPlatformCase(uncut, `platform-create-${call}-after`, looksFirst);
    expect(cut.failure).toContain('an attempt makes one machine');
  });

  it('and on the wire: one whose client tokens go with its function', async () => {
    const wire = new WireCases('aws', tokensOfItsOwn);
    const call = (await wire.requests('createMachine')).indexOf('RunInstances') + 1;
    const [retried, dies] = [
      await wire.run(`wire-aws-createMachine-${call}-after-retried`),
      await wire.run(`wire-aws-createMachine-${call}-after-dies`),
    ];
    await wire.close();
    expect(retried.failure).toBeUndefined();
    expect(dies.failure).toContain('cut only:   machine');
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
