import { describe, expect, it } from 'vitest';
import { problem, someDetails } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';

const restore = {
  snapshot: '20261123T064500Z',
  requestedAt: '2026-11-23T07:00:00.000Z',
  requestedBy: 'ada',
  number: 7,
};
const restoring = someDetails({
  status: 'restoring',
  statusReason: 'from snapshot 20261123T064500Z',
  restore,
});
const ready = someDetails({ status: 'ready', restore: { ...restore, restoredAt: restore.requestedAt } });
const path = `/v1/clusters/${restoring.id}`;
const snapshots = [
  { id: '20261123T063000Z', takenAt: '2026-11-23T06:30:00.000Z', number: 1 },
  { id: '20261123T064500Z', takenAt: '2026-11-23T06:45:00.000Z', number: 1 },
];
const answers = {
  'POST /v1/clusters/four-clouds/restore': [{ status: 202, body: restoring }],
  'GET /v1/clusters/four-clouds/snapshots': [{ body: { items: snapshots } }],
  [`GET ${path}`]: [{ body: restoring }, { body: ready }],
};
const restoreIt = ['cluster', 'restore', 'four-clouds'];
const posted = (calls: Awaited<ReturnType<typeof overcast>>['calls']) =>
  calls.filter(({ what }) => what.startsWith('POST')).map(({ body }) => JSON.parse(body) as unknown);

describe('cluster restore', () => {
  it('asks for it, shows how far it is, and waits until the cluster is ready again', async () => {
    const { out, err, exitCode, calls } = await overcast([...restoreIt, '--yes'], answers);
    expect(out).toBe(
      [
        'restore of four-clouds from snapshot 20261123T064500Z requested: control plane 7 is made for it',
        'four-clouds is ready after 0s',
        'Its API servers have other addresses now: overcast kubeconfig four-clouds --merge',
        '',
      ].join('\n'),
    );
    expect(err).toContain('cluster four-clouds: restoring: from snapshot 20261123T064500Z');
    expect(exitCode).toBe(0);
    expect(posted(calls)).toEqual([{}]);
    expect(calls[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes a snapshot by its id, --wait as it is anyway, and --no-wait', async () => {
    const named = ['--snapshot', '20261123T063000Z'];
    const waited = await overcast([...restoreIt, '--yes', '--wait', ...named], answers);
    expect(posted(waited.calls)).toEqual([{ snapshot: '20261123T063000Z' }]);
    expect(waited.out).toContain('is ready after');
    const { out, calls } = await overcast([...restoreIt, '-y', '--no-wait', '-o', 'json', ...named], answers);
    expect((JSON.parse(out) as { status: string }).status).toBe('restoring');
    expect(calls).toHaveLength(1);
  });

  it('asks whoever sits there first, and changes nothing without a yes', async () => {
    const questions: string[] = [];
    const saying = (yes: boolean) => async (question: string) => {
      questions.push(question);
      return yes;
    };
    const no = await overcast(restoreIt, answers, { confirm: saying(false) });
    expect([no.exitCode, no.err, posted(no.calls)]).toEqual([1, 'nothing was changed\n', []]);
    expect(questions).toEqual([
      'Restore four-clouds from snapshot 20261123T064500Z, taken 15m ago? What was changed after it is lost, and the machines of all its control planes are deleted.',
    ]);
    const yes = await overcast(restoreIt, answers, { confirm: saying(true) });
    expect([yes.exitCode, posted(yes.calls)]).toEqual([0, [{}]]);
  });

  it('wants --yes where nobody can be asked', async () => {
    const { err, exitCode, calls } = await overcast(restoreIt, answers);
    expect(exitCode).toBe(exitCodes.usage);
    expect(err).toContain('--yes: is needed here: what was changed after the snapshot is lost');
    expect(calls).toEqual([]);
  });

  it('says what the API says when it is refused', async () => {
    const detail = 'four-clouds has not lost its quorum: it is ready';
    const refused = { status: 409, body: problem({ status: 409, detail }) };
    const { err, exitCode } = await overcast([...restoreIt, '--yes'], {
      'POST /v1/clusters/four-clouds/restore': [refused],
    });
    expect(exitCode).toBe(exitCodes.refused);
    expect(err).toContain(detail);
  });

  it('that fails ends with the reason and its own exit code', async () => {
    const failed = someDetails({
      status: 'failed',
      statusReason: 'the restore from snapshot S failed: no disk',
    });
    const { err, exitCode, out } = await overcast([...restoreIt, '--yes'], {
      ...answers,
      [`GET ${path}`]: [{ body: restoring }, { body: failed }],
    });
    expect(exitCode).toBe(exitCodes.notReached);
    expect(err).toContain('the restore from snapshot S failed: no disk');
    expect(out).not.toContain('other addresses');
  });

  it.each([
    [{}, 'under way'],
    [{ restoredAt: 'T' }, 'serves since T, and is not complete yet'],
    [{ restoredAt: 'T', finishedAt: 'U' }, 'done at U'],
    [{ failure: { at: 'T', reason: 'no disk' } }, 'failed at T: no disk'],
  ])('what became of it is shown by cluster get: %j', async (given, expected) => {
    const { out } = await overcast(['cluster', 'get', 'four-clouds'], {
      'GET /v1/clusters/four-clouds': [{ body: someDetails({ restore: { ...restore, ...given } }) }],
    });
    expect(out).toContain(
      `Restore:        from snapshot 20261123T064500Z, asked for at 2026-11-23T07:00:00.000Z by ada: ${expected}\n`,
    );
  });
});
