import { describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../../test/builders/cluster.ts';
import { aNode } from '../../../test/builders/node.ts';
import type { Cluster } from '../../domain/cluster.ts';
import { plusSeconds } from '../../domain/ids.ts';
import type { Node } from '../../domain/node.ts';
import { reconcile } from '../reconcile.ts';

const now = plusSeconds(exampleTime, 3600);
const node = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, id: `id-${number}`, attempt: 1, phase: 'ready', ...given });
const taken = (number: number, given: Partial<Node> = {}): Node =>
  node(number, { interruption: 'terminate', ...given });
const operation = { executionArn: anExecution(), kind: 'ProvisionNode' as const, startedAt: now };

const decide = (nodes: readonly Node[], cluster: Partial<Cluster> = {}) =>
  reconcile({
    cluster: aCluster({
      id: 'c',
      status: 'ready',
      readyAt: exampleTime,
      provisionedGeneration: 1,
      clouds: [],
      ...cluster,
    }),
    nodes,
    parts: [],
    sightings: [],
    now,
    jitter: 0.5,
  });
const done = (...given: Parameters<typeof decide>): readonly string[] =>
  decide(...given).actions.map((action) => {
    if (action.kind === 'replace')
      return `replace ${action.numbers.join(', ')}${action.letGo ? ' and let go' : ''}`;
    if (action.kind === 'retire') return `retire ${action.number}${action.isLost ? ' as lost' : ''}`;
    return 'number' in action ? `${action.kind} ${action.number}` : action.kind;
  });

describe('nodes that their clouds take back', () => {
  it.each<[string, readonly string[], Parameters<typeof decide>]>([
    ['are planned for, and stay until others have begun', ['replace 7, 8'], [[taken(7), taken(8), node(9)]]],
    ['are left alone on a mere warning', [], [[node(7, { interruption: 'rebalance' })]]],
    ['are left alone when they go already', [], [[taken(7, { desired: 'absent', operation })]]],
    ['are no control planes', [], [[taken(7, { role: 'control-plane' })]]],
    [
      'wait while another plan is pending',
      ['say'],
      [[taken(7)], { pendingPlan: { id: 'p', nodes: [], reason: 'by hand' } }],
    ],
    [
      'wait while their own is pending',
      ['say'],
      [
        [taken(7)],
        {
          pendingPlan: {
            id: 'p',
            nodes: [{ id: 'n', number: 9, role: 'worker', offering: node(9).offering, replaces: 'id-7' }],
            reason: 'taken back',
          },
        },
      ],
    ],
    [
      'stay until the other’s create is on its way',
      [],
      [[taken(7), node(9, { replaces: 'id-7', attempt: 0, phase: 'planned', createdAt: now })]],
    ],
    [
      'then go, with work to hand over',
      ['retire 7'],
      [[taken(7), node(9, { replaces: 'id-7', phase: 'creating', operation })]],
    ],
    [
      'go also when the other came to nothing',
      ['retire 7'],
      [[taken(7), node(9, { replaces: 'id-7', phase: 'failed' })]],
    ],
    [
      'go once whoever builds them has finished',
      [],
      [[taken(7, { operation }), node(9, { replaces: 'id-7', phase: 'creating', operation })]],
    ],
    ['are nobody’s concern in a cluster that goes', [], [[taken(7)], { deletionRequestedAt: now }]],
  ])('%s', (_, expected, given) => {
    expect(done(...given)).toEqual(expected);
  });

  it('are watched closely', () => {
    expect(decide([taken(7, { operation })]).dueAt).toBe(plusSeconds(now, 15));
  });
});
