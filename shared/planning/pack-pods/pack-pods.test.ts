import { describe, expect, it } from 'vitest';
import { problemsOf } from '../../../bench/packing/check-packing.ts';
import { packing, short } from '../../../test/builders/packing.ts';
import { packPods } from './pack-pods.ts';

type Case = readonly [what: string, given: Parameters<typeof packing>[0], then: string];

const agent = {
  namespace: 'kube-system',
  name: 'agent',
  requests: { cpuMillis: 100, memoryBytes: 2 ** 27 },
};
const gpuDriver = { ...agent, nodeSelector: { gpu: 'yes' } };

/** Each is also checked pod by pod, by rules that are written down a second time. */
function check(_what: string, given: Case[1], then: string): void {
  const options = packing(given);
  const packed = packPods(options);
  expect(short(packed)).toBe(then);
  expect(problemsOf(packed, options)).toEqual([]);
}

describe('packing goes by room', () => {
  it.each<Case>([
    [
      'one pod gets the smallest node that holds it',
      { pods: '1 web 1/2', offers: 'aws 1/2 $1, aws 2/4 $2, aws 4/8 $4' },
      'aws 1/2: 1 web',
    ],
    [
      'of equal sizes the cheapest, whichever cloud',
      { pods: '1 web 1/2', offers: 'aws 2/4 $2, gcp 2/4 $1.9, azure 2/4 $1.8, do 2/4 $1.7' },
      'do 2/4: 1 web',
    ],
    [
      'one large node when it is cheaper for all than small ones',
      { pods: '4 web 1/2', offers: 'aws 2/4 $2, aws 4/8 $3' },
      'aws 4/8: 4 web',
    ],
    [
      'small ones when they are',
      { pods: '4 web 1/2', offers: 'aws 2/4 $2, aws 4/8 $5' },
      '2 × aws 2/4: 2 web',
    ],
    [
      'a large one for many and a small one for the rest',
      { pods: '5 web 1/2', offers: 'aws 1/2 $1.2, aws 4/8 $4' },
      'aws 1/2: 1 web | aws 4/8: 4 web',
    ],
    [
      'memory decides where memory is short',
      { pods: '4 db 1/8', offers: 'aws 4/8 $4, aws 4/32 $6' },
      'aws 4/32: 4 db',
    ],
    [
      'CPU decides where CPU is short',
      { pods: '4 job 2/1', offers: 'aws 4/8 $4, aws 4/32 $6' },
      '2 × aws 4/8: 2 job',
    ],
    [
      'those that ask for CPU and those that ask for memory share',
      { pods: '2 job 3/1, 2 db 1/7', offers: 'aws 4/8 $4, aws 2/4 $2.5' },
      '2 × aws 4/8: 1 db + 1 job',
    ],
    [
      'what asks for nothing still takes a place',
      { pods: '111 idle 0/0', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 idle | aws 2/4: 110 idle',
    ],
    ['nothing is bought for nobody', { pods: '', offers: 'aws 2/4 $2' }, ''],
    [
      'a pod that is larger than everything',
      { pods: '1 big 9/1', offers: 'aws 4/8 $4, aws 8/16 $8' },
      'unplaced 1 big: cpu',
    ],
    ['too much memory', { pods: '1 big 1/17', offers: 'aws 4/8 $4, aws 8/16 $8' }, 'unplaced 1 big: memory'],
    ['nothing is sold at all', { pods: '1 web 1/2' }, 'unplaced 1 web: '],
    ['exactly full', { pods: '2 web 2/4', offers: 'aws 4/8 $4' }, 'aws 4/8: 2 web'],
    [
      'DaemonSets take their part of each new node',
      { pods: '2 web 1/2', offers: 'aws 2/4 $2, aws 4/8 $3.9', daemonSets: [agent] },
      'aws 4/8: 2 web',
    ],
    [
      'those that do not choose the node take nothing',
      { pods: '2 web 1/2', offers: 'aws 2/4 $2, aws 4/8 $3.9', daemonSets: [gpuDriver] },
      'aws 2/4: 2 web',
    ],
  ])('%s', check);
});

describe('nodes that stand', () => {
  it.each<Case>([
    ['come first', { pods: '2 web 1/2', nodes: 'n1 aws 4/8:', offers: 'aws 2/4 $2' }, 'n1: 2 web'],
    [
      'as far as they go',
      { pods: '4 web 1/2', nodes: 'n1 aws 2/4:', offers: 'aws 2/4 $2' },
      'n1: 2 web | aws 2/4: 2 web',
    ],
    [
      'the fullest first',
      { pods: '1 web 1/2', nodes: 'n1 aws 4/8: ; n2 aws 4/8: 2 db 1/2', offers: '' },
      'n2: 1 web',
    ],
    [
      'those still joining too',
      { pods: '2 web 1/2', nodes: 'n1 aws 2/4 joining:', offers: 'aws 2/4 $2' },
      'n1: 2 web',
    ],
    [
      'on those that join, every node’s own pods are still to come',
      { pods: '2 web 1/2', nodes: 'n1 aws 2/4 joining:', offers: 'aws 2/4 $2', daemonSets: [agent] },
      'n1: 1 web | aws 2/4: 1 web',
    ],
    [
      'on those that joined they are there',
      { pods: '1 web 1/2', nodes: 'n1 aws 2/4: 1 cni 1/2', offers: 'aws 2/4 $2', daemonSets: [agent] },
      'n1: 1 web',
    ],
    [
      'but not the cordoned',
      { pods: '1 web 1/2', nodes: 'n1 aws 4/8 cordoned:', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'nor control planes',
      { pods: '1 web 1/2', nodes: 'n1 aws 4/8 control-plane:', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'nor what is full of pods',
      { pods: '1 web 0/0', nodes: 'n1 aws 4/8: 110 idle 0/0', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'large pods before small ones, so that both find room',
      { pods: '2 small 1/1, 1 large 2/2', nodes: 'n1 aws 2/2: ; n2 aws 2/2:', offers: '' },
      'n1: 1 large | n2: 2 small',
    ],
    [
      'a node that is overfull takes nothing',
      { pods: '1 web 0.5/1', nodes: 'n1 aws 2/4: 3 db 1/1', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
  ])('%s', check);
});

describe('labels that pin', () => {
  it.each<Case>([
    ['the cloud', { pods: '1 web 1/2 on:cloud=gcp', offers: 'aws 2/4 $1, gcp 2/4 $2' }, 'gcp 2/4: 1 web'],
    [
      'the zone',
      { pods: '1 web 1/2 on:zone=us-east-1b', offers: 'aws 2/4 $1, aws-b 2/4 $2' },
      'aws-b 2/4: 1 web',
    ],
    ['the region', { pods: '1 web 1/2 on:region=nyc1', offers: 'aws 2/4 $1, do 2/4 $2' }, 'do 2/4: 1 web'],
    [
      'the instance type',
      { pods: '1 web 1/2 on:type=aws.4x8', offers: 'aws 2/4 $1, aws 4/8 $2' },
      'aws 4/8: 1 web',
    ],
    [
      'the architecture',
      { pods: '1 web 1/2 on:arch=arm64', offers: 'aws 2/4 $2, aws 2/4 $1 arm64' },
      'aws 2/4: 1 web',
    ],
    [
      'a cloud where nothing is sold',
      { pods: '1 web 1/2 on:cloud=azure', offers: 'aws 2/4 $1, gcp 2/4 $2' },
      'unplaced 1 web: nodeSelector',
    ],
    [
      'a label that no new node has',
      { pods: '1 web 1/2 on:disk=fast', offers: 'aws 2/4 $1' },
      'unplaced 1 web: nodeSelector',
    ],
    [
      'a label that a standing node has',
      {
        pods: '1 web 1/2 on:disk=fast',
        nodes: 'n1 aws 2/4: ; n2 aws 2/4 label:disk=fast:',
        offers: 'aws 2/4 $1',
      },
      'n2: 1 web',
    ],
    [
      'a node by its name',
      { pods: '1 web 1/2 on:host=n2', nodes: 'n1 aws 2/4: ; n2 aws 2/4:', offers: 'aws 2/4 $1' },
      'n2: 1 web',
    ],
    [
      'two clouds by two classes, each its own',
      { pods: '1 web 1/2 on:cloud=aws, 1 db 1/2 on:cloud=gcp', offers: 'aws 2/4 $1, gcp 2/4 $2' },
      'aws 2/4: 1 web | gcp 2/4: 1 db',
    ],
    [
      'who is pinned is followed by who is not',
      { pods: '1 web 1/2 on:cloud=gcp, 1 db 1/2', offers: 'aws 2/4 $1.5, gcp 2/4 $2' },
      'gcp 2/4: 1 db + 1 web',
    ],
  ])('%s', check);
});

describe('node affinity', () => {
  it.each<Case>([
    [
      'required: one of several',
      { pods: '1 web 1/2 where:cloud=gcp|azure', offers: 'aws 2/4 $1, gcp 2/4 $3, azure 2/4 $2' },
      'azure 2/4: 1 web',
    ],
    [
      'required: not this one',
      { pods: '1 web 1/2 where:cloud!=aws', offers: 'aws 2/4 $1, gcp 2/4 $3' },
      'gcp 2/4: 1 web',
    ],
    [
      'required: terms are alternatives',
      { pods: '1 web 1/2 where:cloud=gcp where:type=aws.4x8', offers: 'aws 2/4 $1, aws 4/8 $2, gcp 2/4 $3' },
      'aws 4/8: 1 web',
    ],
    [
      'required: all of a term',
      { pods: '1 web 1/2 where:cloud=aws&type=aws.4x8', offers: 'aws 2/4 $1, aws 4/8 $2, gcp 4/8 $1' },
      'aws 4/8: 1 web',
    ],
    [
      'required: a label that exists',
      {
        pods: '1 web 1/2 where:disk',
        nodes: 'n1 aws 2/4: ; n2 aws 2/4 label:disk=fast:',
        offers: 'aws 2/4 $1',
      },
      'n2: 1 web',
    ],
    [
      'required: a label that does not',
      { pods: '1 web 1/2 where:!disk', nodes: 'n2 aws 2/4 label:disk=fast:', offers: 'aws 2/4 $1' },
      'aws 2/4: 1 web',
    ],
    [
      'required: more than',
      {
        pods: '1 web 1/2 where:gen>5',
        nodes: 'n1 aws 2/4 label:gen=5: ; n2 aws 2/4 label:gen=6: ; n3 aws 2/4 label:gen=x:',
        offers: '',
      },
      'n2: 1 web',
    ],
    [
      'required: less than',
      {
        pods: '1 web 1/2 where:gen<6',
        nodes: 'n1 aws 2/4 label:gen=5: ; n2 aws 2/4 label:gen=6: ; n3 aws 2/4:',
        offers: '',
      },
      'n1: 1 web',
    ],
    [
      'required and selector: both',
      { pods: '1 web 1/2 on:cloud=aws where:cloud=gcp', offers: 'aws 2/4 $1, gcp 2/4 $3' },
      'unplaced 1 web: nodeAffinity, nodeSelector',
    ],
    [
      'preferred is kept, though dearer',
      { pods: '1 web 1/2 where:cloud=gcp~', offers: 'aws 2/4 $1, gcp 2/4 $3' },
      'gcp 2/4: 1 web',
    ],
    [
      'preferred gives way where it cannot be had',
      { pods: '1 web 1/2 where:cloud=azure~', offers: 'aws 2/4 $1, gcp 2/4 $3' },
      'aws 2/4: 1 web',
    ],
    [
      'preferred gives way where the pod does not fit',
      { pods: '1 web 3/6 where:cloud=gcp~', offers: 'aws 4/8 $4, gcp 2/4 $3' },
      'aws 4/8: 1 web',
    ],
    [
      'preferred does not move what a standing node takes',
      { pods: '1 web 1/2 where:cloud=gcp~', nodes: 'n1 aws 2/4:', offers: 'gcp 2/4 $3' },
      'n1: 1 web',
    ],
    [
      'preferred chooses among standing nodes',
      { pods: '1 web 1/2 where:cloud=gcp~', nodes: 'n1 aws 2/4: ; n2 gcp 2/4:', offers: '' },
      'n2: 1 web',
    ],
    [
      'of several preferences most count',
      {
        pods: '1 web 1/2 where:cloud=gcp~ where:cloud=aws~ where:type=aws.4x8~',
        offers: 'aws 2/4 $1, aws 4/8 $2, gcp 2/4 $1',
      },
      'aws 4/8: 1 web',
    ],
  ])('%s', check);
});

describe('taints', () => {
  it.each<Case>([
    [
      'keep away',
      { pods: '1 web 1/2', nodes: 'n1 aws 2/4 taint:gpu:', offers: 'aws 2/4 $1' },
      'aws 2/4: 1 web',
    ],
    [
      'unless tolerated',
      { pods: '1 web 1/2 tolerates:gpu', nodes: 'n1 aws 2/4 taint:gpu:', offers: 'aws 2/4 $1' },
      'n1: 1 web',
    ],
    [
      'all of them must be',
      { pods: '1 web 1/2 tolerates:gpu', nodes: 'n1 aws 2/4 taint:gpu taint:disk:', offers: 'aws 2/4 $1' },
      'aws 2/4: 1 web',
    ],
    [
      'of a control plane, for what may run there',
      {
        pods: '1 dns 1/1 tolerates:node-role.kubernetes.io/control-plane',
        nodes: 'n1 aws 2/4 control-plane:',
        offers: 'aws 2/4 $1',
      },
      'n1: 1 dns',
    ],
  ])('%s', check);
});

describe('spot', () => {
  it.each<Case>([
    [
      'is not for pods that say nothing of it',
      { pods: '1 web 1/2', offers: 'aws 2/4 $2, aws 2/4 $0.5 spot' },
      'aws 2/4: 1 web',
    ],
    [
      'may be for pods that tolerate it, when it is cheaper',
      { pods: '1 web 1/2 tolerates:spot', offers: 'aws 2/4 $2, aws 2/4 $0.5 spot' },
      'aws 2/4 spot: 1 web',
    ],
    [
      'and is not, when it is dearer',
      { pods: '1 web 1/2 tolerates:spot', offers: 'aws 2/4 $2, aws 2/4 $2.5 spot' },
      'aws 2/4: 1 web',
    ],
    [
      'must be for pods that select it',
      { pods: '1 web 1/2 tolerates:spot on:spot=true', offers: 'aws 2/4 $2, aws 2/4 $2.5 spot' },
      'aws 2/4 spot: 1 web',
    ],
    [
      'must be, and is not to be had',
      { pods: '1 web 1/2 tolerates:spot on:spot=true', offers: 'aws 2/4 $2' },
      'unplaced 1 web: nodeSelector',
    ],
    [
      'should be for pods that prefer it',
      { pods: '1 web 1/2 tolerates:spot where:spot=true~', offers: 'aws 2/4 $2, aws 2/4 $2.5 spot' },
      'aws 2/4 spot: 1 web',
    ],
    [
      'should be, and on-demand stands in',
      { pods: '1 web 1/2 tolerates:spot where:spot=true~', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'selected without tolerating it: no node would take it',
      { pods: '1 web 1/2 on:spot=true', offers: 'aws 2/4 $2, aws 2/4 $0.5 spot' },
      'unplaced 1 web: nodeSelector, taint',
    ],
    [
      'of all clouds’ the cheapest',
      {
        pods: '1 web 1/2 tolerates:spot',
        offers: 'aws 2/4 $0.7 spot, gcp 2/4 $0.5 spot, azure 2/4 $0.6 spot',
      },
      'gcp 2/4 spot: 1 web',
    ],
    [
      'not without a policy',
      {
        pods: '1 web 1/2 tolerates:spot',
        offers: 'aws 2/4 $2, aws 2/4 $0.5 spot',
        policies: { spot: undefined },
      },
      'aws 2/4: 1 web',
    ],
    [
      'only in the policy’s clouds',
      {
        pods: '1 web 1/2 tolerates:spot',
        offers: 'aws 2/4 $0.5 spot, gcp 2/4 $0.6 spot',
        policies: { spot: { clouds: ['gcp'] } },
      },
      'gcp 2/4 spot: 1 web',
    ],
    [
      'up to the policy’s share',
      {
        pods: '4 web 2/4 tolerates:spot',
        offers: 'aws 2/4 $2, aws 2/4 $0.5 spot',
        policies: { spot: { sharePercent: 50 } },
      },
      '2 × aws 2/4 spot: 1 web | 2 × aws 2/4: 1 web',
    ],
    [
      'what stands counts in the share',
      {
        pods: '2 web 2/4 tolerates:spot',
        nodes: 'n1 aws 4/8: 2 db 2/4',
        offers: 'aws 2/4 $2, aws 2/4 $0.5 spot',
        policies: { spot: { sharePercent: 50 } },
      },
      '2 × aws 2/4 spot: 1 web',
    ],
    [
      'who must be on spot waits, when the share is used up',
      {
        pods: '1 web 2/4 tolerates:spot on:spot=true',
        offers: 'aws 2/4 $2, aws 2/4 $0.5 spot',
        policies: { spot: { sharePercent: 50 } },
      },
      'unplaced 1 web: nodeSelector, spotShare',
    ],
  ])('%s', check);
});

describe('purchasing', () => {
  it.each<Case>([
    [
      'excluded clouds',
      {
        pods: '1 web 1/2',
        offers: 'aws 2/4 $1, gcp 2/4 $2',
        policies: { purchasing: { excludedClouds: ['aws'] } },
      },
      'gcp 2/4: 1 web',
    ],
    [
      'allowed clouds',
      { pods: '1 web 1/2', offers: 'aws 2/4 $1, gcp 2/4 $2', policies: { purchasing: { clouds: ['gcp'] } } },
      'gcp 2/4: 1 web',
    ],
    [
      'arm64 is not bought unless it is allowed',
      { pods: '1 web 1/2', offers: 'aws 2/4 $1 arm64, aws 2/4 $2', policies: { purchasing: {} } },
      'aws 2/4: 1 web',
    ],
    [
      'nothing that is allowed',
      { pods: '1 web 1/2', offers: 'aws 2/4 $1', policies: { purchasing: { excludedClouds: ['aws'] } } },
      'unplaced 1 web: purchasing',
    ],
  ])('%s', check);
});

describe('spread', () => {
  it.each<Case>([
    [
      'over zones, as evenly as may be',
      { pods: '5 web 1/1 spread:zone', offers: 'aws 2/4 $2, aws-b 2/4 $2.1, aws-c 2/4 $2.2' },
      'aws 2/4: 2 web | aws-b 2/4: 2 web | aws-c 2/4: 1 web',
    ],
    [
      'over clouds',
      { pods: '3 web 1/1 spread:cloud', offers: 'aws 2/4 $2, gcp 2/4 $3, do 2/4 $4' },
      'aws 2/4: 1 web | do 2/4: 1 web | gcp 2/4: 1 web',
    ],
    [
      'the rest goes where it is cheapest',
      { pods: '4 web 1/1 spread:cloud', offers: 'aws 2/4 $3, gcp 2/4 $2' },
      'aws 2/4: 2 web | gcp 2/4: 2 web',
    ],
    ['over hosts', { pods: '3 web 1/1 spread:host', offers: 'aws 4/8 $4, aws 2/4 $2' }, '3 × aws 2/4: 1 web'],
    [
      'over hosts with more skew',
      { pods: '4 web 1/1 spread:host/2', offers: 'aws 4/8 $4, aws 2/4 $2' },
      '2 × aws 2/4: 2 web',
    ],
    [
      'levels out what is uneven already',
      {
        pods: '3 web 1/1 spread:zone',
        nodes: 'n1 aws 2/4: 2 web 1/1; n2 aws-b 2/4: 2 db 1/1',
        offers: 'aws 2/4 $2, aws-b 2/4 $2',
      },
      'aws 2/4: 1 web | aws-b 2/4: 2 web',
    ],
    [
      'over the zones of standing nodes alone, where they do',
      { pods: '2 web 1/1 spread:zone', nodes: 'n1 aws 4/8:', offers: 'aws-b 2/4 $2' },
      'n1: 2 web',
    ],
    [
      'needs as many domains as it says',
      { pods: '2 web 1/1 spread:zone/1/2', nodes: 'n1 aws 4/8:', offers: 'aws-b 2/4 $2' },
      'n1: 1 web | aws-b 2/4: 1 web',
    ],
    [
      'and is not placed where there are not so many',
      { pods: '3 web 1/1 spread:zone/1/2', offers: 'aws 4/8 $2' },
      'aws 4/8: 1 web | unplaced 2 web: topologySpread',
    ],
    [
      'does not count zones that the pods rule out',
      { pods: '4 web 1/1 spread:zone on:cloud=aws', offers: 'aws 2/4 $2, aws-b 2/4 $2, gcp 2/4 $2' },
      'aws 2/4: 2 web | aws-b 2/4: 2 web',
    ],
    [
      'counts those of its own namespace only',
      { pods: '2 web 1/1 spread:host', nodes: 'n1 aws 4/8: 1 web 1/1 ns:other', offers: 'aws 2/4 $2' },
      'n1: 2 web',
    ],
    [
      'over hosts that stand, level by level',
      { pods: '4 web 1/1 spread:host', nodes: 'n1 aws 4/8: ; n2 aws 4/8:', offers: '' },
      'n1: 2 web | n2: 2 web',
    ],
    [
      'over zones and hosts at once',
      { pods: '4 web 1/1 spread:zone spread:host', offers: 'aws 4/8 $4, aws-b 4/8 $4' },
      '2 × aws 4/8: 1 web | 2 × aws-b 4/8: 1 web',
    ],
    [
      'preferred over hosts: kept where it costs nothing',
      { pods: '4 web 1/2 spread:host~, 4 db 1/2', offers: 'aws 2/4 $2, aws 4/8 $4' },
      '4 × aws 2/4: 1 db + 1 web',
    ],
    [
      'preferred over hosts: no node is bought for it',
      { pods: '2 web 0.5/1 spread:host~', offers: 'aws 2/4 $2' },
      'aws 2/4: 2 web',
    ],
    [
      'preferred over zones: kept where it costs little',
      { pods: '2 web 2/4 spread:zone~', offers: 'aws 2/4 $2, aws-b 2/4 $2.1' },
      'aws 2/4: 1 web | aws-b 2/4: 1 web',
    ],
    [
      'preferred over zones: not at any price',
      { pods: '2 web 2/4 spread:zone~', offers: 'aws 2/4 $2, aws-b 2/4 $9' },
      '2 × aws 2/4: 1 web',
    ],
  ])('%s', check);
});

describe('anti-affinity', () => {
  it.each<Case>([
    [
      'over hosts: a node each',
      { pods: '3 web 0.5/1 apart:host', offers: 'aws 2/4 $2, aws 8/16 $8' },
      '3 × aws 2/4: 1 web',
    ],
    [
      'their nodes are filled by others',
      { pods: '2 web 1/2 apart:host, 2 db 1/2', offers: 'aws 2/4 $2, aws 8/16 $8' },
      '2 × aws 2/4: 1 db + 1 web',
    ],
    [
      'on nodes that others need anyway',
      { pods: '2 web 1/1 apart:host, 14 db 1/3', offers: 'aws 8/24 $8, aws 1/4 $1.5' },
      '2 × aws 8/24: 7 db + 1 web',
    ],
    [
      'over zones: as many as there are zones',
      { pods: '3 web 1/1 apart:zone', offers: 'aws 2/4 $2, aws-b 2/4 $3' },
      'aws 2/4: 1 web | aws-b 2/4: 1 web | unplaced 1 web: podAntiAffinity',
    ],
    [
      'over clouds',
      { pods: '2 web 1/1 apart:cloud', offers: 'aws 2/4 $2, aws-b 2/4 $2, gcp 2/4 $3' },
      'aws 2/4: 1 web | gcp 2/4: 1 web',
    ],
    [
      'to others',
      { pods: '1 web 1/1 apart:host=db, 1 db 1/1', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 db | aws 2/4: 1 web',
    ],
    [
      'to others that run already',
      { pods: '1 web 1/1 apart:host=db', nodes: 'n1 aws 4/8: 1 db 1/1', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'of others that run already',
      { pods: '1 web 1/1', nodes: 'n1 aws 4/8: 1 db 1/1 apart:host=web', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'of others in a zone',
      {
        pods: '1 web 1/1',
        nodes: 'n1 aws 4/8: 1 db 1/1 apart:zone=web; n2 aws 4/8:',
        offers: 'aws 2/4 $2, aws-b 2/4 $3',
      },
      'aws-b 2/4: 1 web',
    ],
    [
      'in another namespace, when it says so',
      { pods: '1 web 1/1 apart:host=db@other', nodes: 'n1 aws 4/8: 1 db 1/1 ns:other', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'not of another namespace',
      { pods: '1 web 1/1 apart:host=db', nodes: 'n1 aws 4/8: 1 db 1/1 ns:other', offers: 'aws 2/4 $2' },
      'n1: 1 web',
    ],
    [
      'in all namespaces',
      { pods: '1 web 1/1 apart:host=db@*', nodes: 'n1 aws 4/8: 1 db 1/1 ns:other', offers: 'aws 2/4 $2' },
      'aws 2/4: 1 web',
    ],
    [
      'preferred: chooses the standing node without',
      { pods: '1 web 1/1 apart:host=db~', nodes: 'n1 aws 4/8: 1 db 1/1; n2 aws 8/16:', offers: '' },
      'n2: 1 web',
    ],
    [
      'ports of the node are had once',
      { pods: '2 web 0.5/1 port:80', offers: 'aws 4/8 $4, aws 2/4 $2' },
      '2 × aws 2/4: 1 web',
    ],
    [
      'different ones share',
      { pods: '1 web 0.5/1 port:80, 1 dns 0.5/1 port:53', offers: 'aws 4/8 $4, aws 2/4 $2' },
      'aws 2/4: 1 dns + 1 web',
    ],
  ])('%s', check);
});

describe('affinity', () => {
  it.each<Case>([
    [
      'on one host, all of them',
      { pods: '4 web 1/2 with:host', offers: 'aws 2/4 $1, aws 4/8 $4' },
      'aws 4/8: 4 web',
    ],
    [
      'on one host, as many as the largest holds',
      { pods: '6 web 1/2 with:host', offers: 'aws 2/4 $1, aws 4/8 $4' },
      'aws 4/8: 4 web | unplaced 2 web: podAffinity',
    ],
    [
      'on one standing host only if it holds them all',
      { pods: '3 web 1/2 with:host', nodes: 'n1 aws 2/4: ; n2 aws 4/8:', offers: 'aws 8/16 $8' },
      'n2: 3 web',
    ],
    [
      'on a new host when none that stands holds them all',
      { pods: '3 web 1/2 with:host', nodes: 'n1 aws 2/4:', offers: 'aws 4/8 $4' },
      'aws 4/8: 3 web',
    ],
    [
      'in one zone',
      { pods: '4 web 1/2 with:zone', offers: 'aws 2/4 $2, aws-b 2/4 $1.9' },
      '2 × aws-b 2/4: 2 web',
    ],
    [
      'in the zone where they are',
      { pods: '2 web 1/2 with:zone', nodes: 'n1 aws 1/2: 1 web 1/2', offers: 'aws 2/4 $2, aws-b 2/4 $1' },
      'aws 2/4: 2 web',
    ],
    [
      'in the cloud of others',
      { pods: '2 web 1/2 with:cloud=db', nodes: 'n1 gcp 1/2: 1 db 1/2', offers: 'aws 2/4 $1, gcp 2/4 $2' },
      'gcp 2/4: 2 web',
    ],
    [
      'with others that wait too',
      { pods: '2 web 1/2 with:zone=db, 1 db 1/2 on:cloud=gcp', offers: 'aws 4/8 $1, gcp 4/8 $4' },
      'gcp 4/8: 1 db + 2 web',
    ],
    [
      'with others, who go where it can follow',
      { pods: '1 web 1/2 with:zone=db on:cloud=gcp, 1 db 1/2', offers: 'aws 4/8 $1, gcp 4/8 $4' },
      'gcp 4/8: 1 db + 1 web',
    ],
    [
      'with others on their hosts: web beside each cache',
      {
        pods: '3 web 1/2 apart:host with:host=cache, 3 cache 1/2 apart:host',
        offers: 'aws 1/2 $1, aws 2/4 $2',
      },
      '3 × aws 2/4: 1 cache + 1 web',
    ],
    [
      'with others on a node that holds both',
      { pods: '1 web 2/2 with:host=db, 1 db 2/2', offers: 'aws 2/4 $1, aws 4/8 $4' },
      'aws 4/8: 1 db + 1 web',
    ],
    [
      'with nobody who is there',
      { pods: '1 web 1/2 with:zone=db', offers: 'aws 4/8 $1' },
      'unplaced 1 web: podAffinity',
    ],
    [
      'with somebody whose host is full',
      { pods: '1 web 1/2 with:host=db', nodes: 'n1 aws 1/2: 1 db 1/2', offers: 'aws 4/8 $1' },
      'unplaced 1 web: cpu, memory, podAffinity',
    ],
    [
      'a chain of three',
      { pods: '1 a 1/1 with:host=b, 1 b 1/1 with:host=c, 1 c 1/1', offers: 'aws 2/4 $1, aws 4/8 $4' },
      'aws 4/8: 1 a + 1 b + 1 c',
    ],
    [
      'preferred with others in a zone',
      {
        pods: '1 web 2/4 with:zone=db~',
        nodes: 'n1 aws-b 1/2: 1 db 1/2',
        offers: 'aws 2/4 $2, aws-b 2/4 $2.1',
      },
      'aws-b 2/4: 1 web',
    ],
  ])('%s', check);
});

describe('limits are kept on', () => {
  it.each<Case>([
    [
      'vCPUs: nothing beyond',
      { pods: '4 web 1/2', offers: 'aws 2/4 $2', policies: { clusterLimits: { maxVcpus: 2 } } },
      'aws 2/4: 2 web | unplaced 2 web: maxVcpus',
    ],
    [
      'vCPUs: what stands counts',
      {
        pods: '4 web 1/2',
        nodes: 'n1 aws 4/8: 4 db 1/2',
        offers: 'aws 2/4 $2',
        policies: { clusterLimits: { maxVcpus: 5 } },
      },
      'unplaced 4 web: cpu, maxVcpus, memory',
    ],
    [
      'vCPUs: a smaller node when the best is too large',
      { pods: '4 web 1/2', offers: 'aws 8/16 $3, aws 4/8 $4', policies: { clusterLimits: { maxVcpus: 7 } } },
      'aws 4/8: 4 web',
    ],
    [
      'vCPUs: at the limit, nodes with more memory for each',
      { pods: '4 db 1/8', offers: 'aws 8/16 $2, aws 4/32 $9', policies: { clusterLimits: { maxVcpus: 4 } } },
      'aws 4/32: 4 db',
    ],
    [
      'vCPUs: higher priorities first',
      {
        pods: '2 batch 1/2, 2 web 1/2 prio:10',
        offers: 'aws 2/4 $2',
        policies: { clusterLimits: { maxVcpus: 2 } },
      },
      'aws 2/4: 2 web | unplaced 2 batch: maxVcpus',
    ],
    [
      'vCPUs: what a high priority must be with, before others',
      {
        pods: '2 batch 1/2, 1 web 1/2 prio:10 with:host=db, 1 db 1/2',
        offers: 'aws 2/4 $2',
        policies: { clusterLimits: { maxVcpus: 2 } },
      },
      'aws 2/4: 1 db + 1 web | unplaced 2 batch: maxVcpus',
    ],
    [
      'vCPUs: at the limit a spread is kept',
      {
        pods: '6 web 2/4 spread:zone',
        offers: 'aws 2/4 $2, aws-b 2/4 $2, aws-c 2/4 $2',
        policies: { clusterLimits: { maxVcpus: 9 } },
      },
      '2 × aws 2/4: 1 web | aws-b 2/4: 1 web | aws-c 2/4: 1 web | unplaced 2 web: maxVcpus, topologySpread',
    ],
    [
      'vCPUs: already over',
      {
        pods: '1 web 1/2',
        nodes: 'n1 aws 4/8: 4 db 1/2',
        offers: 'aws 2/4 $2',
        policies: { clusterLimits: { maxVcpus: 2 } },
      },
      'unplaced 1 web: cpu, maxVcpus, memory',
    ],
    [
      'nodes: no more than so many',
      { pods: '3 web 2/4', offers: 'aws 2/4 $2', newNodesMax: 2 },
      '2 × aws 2/4: 1 web | unplaced 1 web: newNodesMax',
    ],
    [
      'nodes: larger ones when there may be few',
      { pods: '8 web 1/2', offers: 'aws 2/4 $2, aws 8/16 $9', newNodesMax: 1 },
      'aws 8/16: 8 web',
    ],
    [
      'standing nodes: higher priorities first',
      { pods: '2 batch 1/2, 2 web 1/2 prio:10', nodes: 'n1 aws 2/4:', offers: '' },
      'n1: 2 web | unplaced 2 batch: cpu, memory',
    ],
  ])('%s', check);
});

describe('headroom', () => {
  it.each<Case>([
    [
      'is kept on new nodes',
      {
        pods: '2 web 2/4',
        offers: 'aws 4/8 $4, aws 8/16 $8',
        policies: { unschedulablePods: { headroom: { cpuPercent: 50 } } },
      },
      '2 × aws 4/8: 1 web',
    ],
    [
      'is free on standing ones already',
      {
        pods: '2 web 1/2',
        nodes: 'n1 aws 4/8:',
        offers: 'aws 4/8 $4',
        policies: { unschedulablePods: { headroom: { cpuPercent: 50, memoryPercent: 50 } } },
      },
      'n1: 2 web',
    ],
    [
      'counts what runs',
      {
        pods: '',
        nodes: 'n1 aws 4/8: 4 db 1/2',
        offers: 'aws 2/4 $2',
        policies: { unschedulablePods: { headroom: { cpuPercent: 25 } } },
      },
      'aws 2/4: ',
    ],
    [
      'goes last at the limit',
      {
        pods: '2 web 2/4',
        offers: 'aws 4/8 $4',
        policies: { clusterLimits: { maxVcpus: 4 }, unschedulablePods: { headroom: { cpuPercent: 100 } } },
      },
      'aws 4/8: 2 web',
    ],
  ])('%s', check);
});
