import { describe, expect, it } from 'vitest';
import { aNodeView, problem } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';

const path = '/v1/clusters/four-clouds/nodes';
const worker = (number: number, given: Parameters<typeof aNodeView>[0] = {}) =>
  aNodeView({ number, name: `four-clouds-${number}`, role: 'worker', ...given });
const heldUp = {
  since: '2026-11-23T06:50:00.000Z',
  because: 'default/web-1: the disruption budget web needs 2 healthy pods and has 2 currently',
  pods: [],
};
const listed = (...items: readonly object[]) => ({ [`GET ${path}`]: [{ body: { items } }] });

describe('node list', () => {
  const nodes = listed(aNodeView(), worker(4), worker(9, { phase: 'deleted' }));
  it('shows those that live, with --all also the deleted', async () => {
    const { out } = await overcast(['node', 'list', 'four-clouds'], nodes);
    expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual(['NUMBER', '1', '4', '']);
    const all = await overcast(['node', 'list', 'four-clouds', '--all', '-o', 'json'], nodes);
    expect((JSON.parse(all.out) as { number: number }[]).map(({ number }) => number)).toEqual([1, 4, 9]);
  });

  it('with -o wide shows what decides the price', async () => {
    const spot = worker(4, {
      cloud: 'digitalocean',
      zone: '',
      instanceType: 's-2vcpu-4gb',
      vcpus: 2,
      memoryGib: 4,
      usdPerHour: 0.035714,
      lifecycle: 'spot',
      privateAddress: '10.100.0.3',
    });
    const { out } = await overcast(['node', 'list', 'four-clouds', '-o', 'wide'], listed(aNodeView(), spot));
    expect(out.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'NUMBER | NAME | ROLE | CLOUD | ZONE | TYPE | VERSION | VCPUS | GIB | LIFECYCLE | USD/HOUR | PHASE | OVERLAY | PUBLIC | PRIVATE | AGE',
      '1 | four-clouds-1 | control-plane | aws | us-east-1a | c6a.xlarge | 1.36 | 4 | 8 | on-demand | 0.1530 | ready | 10.4.0.1 | - | - | 3h',
      '4 | four-clouds-4 | worker | digitalocean | - | s-2vcpu-4gb | 1.36 | 2 | 4 | spot | 0.0357 | ready | 10.4.0.1 | - | 10.100.0.3 | 3h',
      '',
    ]);
  });

  it('says which pods hold up a node that is to go', async () => {
    const { out } = await overcast(
      ['node', 'list', 'four-clouds'],
      listed(worker(4, { phase: 'draining', desired: 'absent', drainHeldUp: heldUp })),
    );
    expect(out.split('\n').at(-2)).toBe(`node 4 cannot be drained: ${heldUp.because}`);
  });
});

describe('node add', () => {
  const answer = {
    [`POST ${path}`]: [
      {
        status: 202,
        body: { items: [worker(7, { cloud: 'gcp', instanceType: 'n4-highcpu-2', lifecycle: 'spot' })] },
      },
    ],
  };
  it.each<[string, readonly string[], object]>([
    [
      'only what was asked for',
      ['--shape', 'small', '--spot', '--count', '2'],
      { cloud: 'gcp', shape: 'small', lifecycle: 'spot', count: 2 },
    ],
    [
      'an exact type',
      ['--instance-type', 'n4-highcpu-2'],
      { cloud: 'gcp', instanceType: 'n4-highcpu-2', count: 1 },
    ],
    [
      'control planes when told so',
      ['--role', 'control-plane', '--count', '2'],
      { cloud: 'gcp', role: 'control-plane', count: 2 },
    ],
  ])('sends %s', async (_what, more, body) => {
    const { out, calls } = await overcast(['node', 'add', 'four-clouds', '--cloud', 'gcp', ...more], answer);
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual(body);
    expect(out).toBe('node 7 (gcp, n4-highcpu-2, spot) planned\n');
  });

  it.each(['0', '21', '1.5', 'many'])('refuses a count of %s in words', async (count) => {
    const { err, exitCode, calls } = await overcast(['node', 'add', 'c', '--cloud', 'gcp', '--count', count]);
    expect(err).toMatch(/a whole number from 1 to 20/);
    expect([exitCode, calls]).toEqual([exitCodes.usage, []]);
  });
});

describe('node remove', () => {
  const removed = (...items: readonly object[]) => ({
    [`DELETE ${path}`]: [{ status: 202, body: { items } }],
  });

  it('asks for all of them at once', async () => {
    const { out, calls } = await overcast(
      ['node', 'remove', 'four-clouds', '7', '8', '7'],
      removed(worker(7), worker(8, { phase: 'deleted' })),
    );
    expect(calls.map(({ what }) => what)).toEqual([`DELETE ${path}?number=7&number=8`]);
    expect(out).toBe('node 7 will be drained and deleted\nnode 8 is gone already\n');
  });

  it('without draining when told so', async () => {
    const { out, calls } = await overcast(
      ['node', 'remove', 'four-clouds', '7', '--no-drain', '--yes'],
      removed(worker(7)),
    );
    expect(calls.map(({ what }) => what)).toEqual([`DELETE ${path}?number=7&drain=false`]);
    expect(out).toBe('node 7 will be deleted without being drained\n');
  });

  it('by the names that kubectl shows', async () => {
    const { calls } = await overcast(['node', 'rm', 'four-clouds', 'four-clouds-8', '7'], {
      ...listed(worker(7), worker(8)),
      ...removed(worker(7), worker(8)),
    });
    expect(calls.map(({ what }) => what)).toEqual([`GET ${path}`, `DELETE ${path}?number=8&number=7`]);
  });

  it.each([
    ['four-cluods-8', 'four-cluods-8: is no node of four-clouds; did you mean four-clouds-8?'],
    ['seven', 'seven: is no node of four-clouds'],
    ['0', '0: is no node of four-clouds'],
  ])('refuses %s, and removes nothing', async (name, message) => {
    const { err, exitCode, calls } = await overcast(
      ['node', 'remove', 'four-clouds', '7', name],
      listed(worker(7), worker(8)),
    );
    expect(err).toBe(`error: ${message}\n`);
    expect([exitCode, calls.length]).toEqual([exitCodes.usage, 1]);
  });

  it.each<[string, readonly string[], boolean, string | undefined, number]>([
    ['asks whoever sits there, and takes a no for a no', [], false, 'Remove node 7 of four-clouds?', 0],
    ['goes on with a yes', [], true, 'Remove node 7 of four-clouds?', 1],
    [
      'says what is lost',
      ['--no-drain'],
      true,
      'Remove node 7 of four-clouds without draining, with the work that is on them?',
      1,
    ],
    ['asks nothing with --yes', ['--yes'], false, undefined, 1],
  ])('%s', async (_what, more, says, question, calls) => {
    let asked: string | undefined;
    const ran = await overcast(['node', 'remove', 'four-clouds', '7', ...more], removed(worker(7)), {
      confirm: (text) => {
        asked = text;
        return Promise.resolve(says);
      },
    });
    expect([asked, ran.calls.length, ran.exitCode]).toEqual([question, calls, calls === 0 ? 1 : 0]);
    if (calls === 0) expect(ran.err).toBe('nothing was changed\n');
  });

  it('passes on what the API warns of, and what it refuses', async () => {
    const warned = {
      [`DELETE ${path}`]: [
        {
          status: 202,
          body: { items: [worker(2)], warnings: ['2 control planes survive no more losses than 1 would'] },
        },
      ],
    };
    expect((await overcast(['node', 'remove', 'four-clouds', '2'], warned)).err).toBe(
      'warning: 2 control planes survive no more losses than 1 would\n',
    );
    const detail = 'node 1 is the last control plane: the cluster would be gone; delete it instead';
    const refused = { [`DELETE ${path}`]: [{ status: 409, body: problem({ status: 409, detail }) }] };
    const { err, exitCode } = await overcast(['node', 'remove', 'four-clouds', '1'], refused);
    expect(err).toContain(`error: ${detail}`);
    expect(exitCode).toBe(exitCodes.refused);
  });
});
