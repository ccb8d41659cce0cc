import { describe, expect, it } from 'vitest';
import type { UpgradeView } from '../shared/domain/api-types.ts';
import { problem, someDetails } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';
import { duration } from './upgrade-command.ts';

const upgrade: UpgradeView = {
  from: '1.36',
  to: '1.37',
  requestedAt: '2026-11-23T07:00:00.000Z',
  requestedBy: 'ada',
};
const rising = (given: Partial<UpgradeView> = {}) =>
  someDetails({ status: 'ready', upgrade: { ...upgrade, ...given } });
const path = '/v1/clusters/four-clouds/upgrade';
const get = `GET /v1/clusters/${rising().id}`;
const done = rising({ controlPlanesAt: 'T', finishedAt: 'U' });
const upgradeIt = ['cluster', 'upgrade', 'four-clouds', '--to', '1.37'];
const posted = (calls: Awaited<ReturnType<typeof overcast>>['calls']) =>
  calls.filter(({ what }) => what.startsWith('POST')).map(({ what, body }) => [what, body]);

describe('cluster upgrade', () => {
  it('asks for it, shows which control plane is at it, and waits until every node is done', async () => {
    const { out, err, exitCode, calls } = await overcast([...upgradeIt, '--pause-between', '5m'], {
      [`POST ${path}`]: [{ status: 202, body: rising() }],
      [get]: [
        { body: rising({ at: 1 }) },
        { body: rising({ at: 1 }) },
        { body: rising({ at: 2 }) },
        { body: done },
      ],
    });
    expect(out).toBe(
      'upgrade of four-clouds to Kubernetes 1.37 requested\nfour-clouds is upgraded after 0s\n',
    );
    expect(err.match(/control plane \d is being upgraded to Kubernetes 1\.37/g)).toEqual([
      'control plane 1 is being upgraded to Kubernetes 1.37',
      'control plane 2 is being upgraded to Kubernetes 1.37',
    ]);
    expect(exitCode).toBe(0);
    expect(posted(calls)).toEqual([[`POST ${path}`, '{"to":"1.37","pauseSeconds":300}']]);
    expect(calls[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each<[Partial<UpgradeView>, string]>([
    [{ stopped: { at: 'T', number: 2, reason: 'no space left' } }, 'stopped at node 2: no space left'],
    [{ pausedAt: 'T' }, 'paused since T: control planes first'],
  ])('ends with its own exit code where somebody has to do something: %j', async (given, why) => {
    const { err, exitCode } = await overcast(upgradeIt, {
      [`POST ${path}`]: [{ status: 202, body: rising() }],
      [get]: [{ body: rising(given) }],
    });
    expect(exitCode).toBe(exitCodes.notReached);
    expect(err).toContain(why);
  });

  it('with --dry-run only says whether it could begin', async () => {
    const { out, calls } = await overcast([...upgradeIt, '--dry-run'], {
      [`POST ${path}`]: [{ status: 202, body: rising() }],
    });
    expect(out).toBe('four-clouds can be upgraded to Kubernetes 1.37; nothing was changed\n');
    expect(calls.map(({ what }) => what)).toEqual([`POST ${path}?dryRun=true`]);
  });

  it('wants a minor, and a time that is one', async () => {
    const none = await overcast(['cluster', 'upgrade', 'four-clouds'], {});
    expect([none.exitCode, none.calls]).toEqual([exitCodes.usage, []]);
    expect(none.err).toContain('--to <minor>');
    const soon = await overcast([...upgradeIt, '--pause-between', 'soon'], {});
    expect([soon.exitCode, soon.calls]).toEqual([exitCodes.usage, []]);
    expect(soon.err).toContain('a time such as 90s, 5m or 1h');
    expect(['90s', '5m', '1h'].map((text) => duration(text))).toEqual([90, 300, 3600]);
  });

  it('says what the API says when it is refused', async () => {
    const detail = 'to: four-clouds is of Kubernetes 1.36, and goes one minor at a time';
    const { err, exitCode } = await overcast(['cluster', 'upgrade', 'four-clouds', '--to', '1.38'], {
      [`POST ${path}`]: [{ status: 422, body: problem({ status: 422, detail }) }],
    });
    expect(exitCode).toBe(exitCodes.refused);
    expect(err).toContain(detail);
  });

  it('is paused and resumed', async () => {
    const paused = await overcast(['cluster', 'upgrade', 'pause', 'four-clouds'], {
      [`POST ${path}/pause`]: [{ status: 202, body: rising({ pausedAt: 'T' }) }],
    });
    expect([paused.exitCode, paused.out]).toEqual([
      0,
      'to 1.37 from 1.36, asked for at 2026-11-23T07:00:00.000Z by ada: paused since T: control planes first\n',
    ]);
    const resumed = await overcast(['cluster', 'upgrade', 'resume', 'four-clouds', '-o', 'json'], {
      [`POST ${path}/resume`]: [{ status: 202, body: rising({ at: 2 }) }],
    });
    expect((JSON.parse(resumed.out) as { upgrade: UpgradeView }).upgrade.at).toBe(2);
  });

  it.each<[Partial<UpgradeView>, string]>([
    [{}, 'control planes first'],
    [{ at: 3 }, 'control plane 3 is being upgraded'],
    [{ controlPlanesAt: 'T' }, 'control planes are done, workers follow'],
    [{ controlPlanesAt: 'T', finishedAt: 'U' }, 'done at U'],
  ])('is shown by cluster get: %j', async (given, expected) => {
    const { out } = await overcast(['cluster', 'get', 'four-clouds'], {
      'GET /v1/clusters/four-clouds': [{ body: rising(given) }],
    });
    expect(out).toContain(
      `Upgrade:        to 1.37 from 1.36, asked for at 2026-11-23T07:00:00.000Z by ada: ${expected}\n`,
    );
  });
});
