import { describe, expect, it } from 'vitest';
import type { PodExplanation } from '../shared/domain/api-types.ts';
import { problem } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';

const path = (pod: string): string => `GET /v1/clusters/four-clouds/pods/${pod}/explanation`;
const explanation = (given: Partial<PodExplanation> = {}): PodExplanation => ({
  pod: 'shop/web-1',
  seenAt: '2026-11-23T06:59:30.000Z',
  state: 'placed',
  node: 'four-clouds-7',
  because: ['four-clouds-7 is c-4 in digitalocean (on-demand)', 'it was bought by policy: consolidation'],
  ...given,
});
const explain = (pod: string, asked: string, body: PodExplanation, more: readonly string[] = []) =>
  overcast(['explain', 'four-clouds', pod, ...more], { [path(asked)]: [{ body }] });

describe('a pod is explained', () => {
  it('by where it is, and why that node is there', async () => {
    const { out, exitCode } = await explain('shop/web-1', 'shop/web-1', explanation());
    expect(out.split('\n')).toEqual([
      'shop/web-1 is placed on four-clouds-7, as seen 30s ago',
      '  four-clouds-7 is c-4 in digitalocean (on-demand)',
      '  it was bought by policy: consolidation',
      '',
    ]);
    expect(exitCode).toBe(0);
  });

  it('by what stands in its way, one line each', async () => {
    const { node: _node, ...given } = explanation({
      pod: 'default/web-1',
      state: 'waiting',
      because: [
        'maxVcpus: the limit is 8 (rules out 0 nodes and 40 offerings)',
        'nearest is c-2, but for maxVcpus',
      ],
    });
    const { out } = await explain('web-1', 'default/web-1', given);
    expect(out.split('\n').slice(0, 3)).toEqual([
      'default/web-1 is waiting, as seen 30s ago',
      '  maxVcpus: the limit is 8 (rules out 0 nodes and 40 offerings)',
      '  nearest is c-2, but for maxVcpus',
    ]);
  });

  it('as JSON, whole', async () => {
    const { out } = await explain('shop/web-1', 'shop/web-1', explanation(), ['-o', 'json']);
    expect(JSON.parse(out)).toEqual(explanation());
  });

  it('or why it cannot be is said on stderr, as the API says it', async () => {
    const detail = 'no pod shop/web-1 was seen in four-clouds at 06:59:30; what has ended is not kept';
    const { out, err, exitCode } = await overcast(['explain', 'four-clouds', 'shop/web-1'], {
      [path('shop/web-1')]: [{ status: 404, body: problem({ status: 404, detail }) }],
    });
    expect([out, exitCode]).toEqual(['', exitCodes.refused]);
    expect(err).toContain(detail);
  });

  it.each(['a/b/c', '/web-1', 'shop/', ''])(
    'and nobody is asked about "%s", which is no name',
    async (pod) => {
      const { err, exitCode, calls } = await overcast(['explain', 'four-clouds', pod]);
      expect([exitCode, calls]).toEqual([exitCodes.usage, []]);
      expect(err).toContain('<namespace>/<name>, or a name alone for the namespace default');
    },
  );
});
