import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { plusSeconds } from '../domain/ids.ts';
import { tellFindings } from './tell-findings.ts';

const finding = (kind: Finding['kind'], given: Partial<Finding> = {}): Finding => ({
  clusterId: 'c',
  cloud: 'aws',
  fingerprint: 'f',
  kind,
  subject: 's',
  message: 'aws: something is wrong',
  remedy: 'it is put right',
  seenAt: exampleTime,
  ...given,
});
const mended: CloudParts = { clusterId: 'c', cloud: 'aws', mendedAt: plusSeconds(exampleTime, 1) };
const node = aNode({ clusterId: 'c', number: 5, phase: 'ready' });
const ofNode = finding('machine-missing', { number: 5 });

it('tells what is found, about which node, and what is done', () => {
  const told = tellFindings({ cluster: {}, opened: [ofNode], closed: [], parts: [], nodes: [node] });
  expect(told.opened).toEqual([
    { kind: 'machine-missing', number: 5, message: ofNode.message, remedy: 'it is put right' },
  ]);
});

it('tells no more than an event carries', () => {
  const long = finding('stranger', { message: 'x'.repeat(2000) });
  const told = tellFindings({ cluster: {}, opened: [long], closed: [], parts: [], nodes: [] });
  expect(told.opened[0]?.message).toHaveLength(1000);
});

describe('of what is found no more it says', () => {
  it.each<[string, Finding, readonly CloudParts[], 'mended' | 'gone' | undefined]>([
    ['mended, after a repair', finding('network-changed'), [mended], 'mended'],
    ['gone, without one', finding('network-changed'), [], 'gone'],
    [
      'gone, when the repair was before it',
      finding('machine-changed', { seenAt: plusSeconds(exampleTime, 2) }),
      [mended],
      'gone',
    ],
    [
      'gone, when the repair was in another cloud',
      finding('stray-resource', { cloud: 'gcp' }),
      [mended],
      'gone',
    ],
    ['gone of a stranger, whose owner took it away', finding('stranger'), [mended], 'gone'],
    [
      'mended of the platform’s own credential',
      { ...finding('credential-due'), cloud: undefined as never },
      [],
      'mended',
    ],
    ['gone of a node that is heard of again', ofNode, [mended], 'gone'],
    ['nothing of a node that was let go', finding('machine-missing', { number: 6 }), [mended], undefined],
  ])('%s', (_, closed, parts, how) => {
    const told = tellFindings({ cluster: {}, opened: [], closed: [closed], parts, nodes: [node] });
    expect(told.closed.map((each) => each.how)).toEqual(how === undefined ? [] : [how]);
  });
});

it('says mended while a run is at work there, which has yet to record it', () => {
  const operation = { executionArn: 'x', kind: 'ProvisionCluster', startedAt: exampleTime } as const;
  const closed = [finding('network-changed'), finding('stranger')];
  const told = tellFindings({ cluster: { operation }, opened: [], closed, parts: [], nodes: [] });
  expect(told.closed.map(({ how }) => how)).toEqual(['mended', 'gone']);
});
