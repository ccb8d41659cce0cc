import { afterEach, describe, expect, it } from 'vitest';
import {
  conditionsOf,
  openManualCluster,
  podSpec,
  type ManualCluster,
} from '../../../../test/builders/manual-cluster.ts';
import { isReady } from '../controllers/conditions.ts';
import type { PodSpec } from '../controllers/shapes.ts';
import { behaviourOf, commandSeconds } from './container-behaviour.ts';
import { allocatable } from './node-object.ts';

describe('what a container does', () => {
  it.each<[string, number | 'for-ever' | undefined]>([
    ['sleep 30', 30],
    ['sleep 1m', 60],
    ['sleep 0.5', 0.5],
    ['echo a; sleep 5 && sleep 2', 7],
    ['sleep infinity', 'for-ever'],
    ['while true; do sleep 5; done', 'for-ever'],
    ['tail -f /dev/null', 'for-ever'],
    ['nginx -g daemon off;', undefined],
  ])('%j runs %s', (line, expected) => {
    expect(commandSeconds(line)).toBe(expected);
  });

  it.each<[string, Partial<PodSpec>, readonly string[], Readonly<Record<string, string>>, object]>([
    ['a server runs for ever', {}, [], {}, { exitCode: 0 }],
    ['a task ends', { restartPolicy: 'Never' }, [], {}, { runSeconds: 5, exitCode: 0 }],
    [
      'a shell that fails',
      { restartPolicy: 'Never' },
      ['sh', '-c', 'sleep 3; exit 4'],
      {},
      { runSeconds: 3, exitCode: 4 },
    ],
    ['a word ends at once', {}, ['echo', 'hello'], {}, { runSeconds: 1, exitCode: 0 }],
    ['false fails', {}, ['/bin/false'], {}, { runSeconds: 1, exitCode: 1 }],
    [
      'as it is asked to',
      {},
      [],
      { 'local.overcast.dev/run-seconds': '9', 'local.overcast.dev/exit': '2' },
      { runSeconds: 9, exitCode: 2 },
    ],
    [
      'ready as it is asked to',
      {},
      [],
      { 'local.overcast.dev/ready-after-seconds': '7' },
      { readyAfterSeconds: 7 },
    ],
  ])('%s', (_rule, spec, command, annotations, expected) => {
    const container = { name: 'c', image: 'any', command };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', annotations },
      spec: podSpec({ ...spec, containers: [container] }),
    };
    expect(behaviourOf(pod, container, 'main')).toMatchObject(expected);
  });
});

describe('what a machine offers', () => {
  const mebibyte = 2 ** 20;
  it.each<[string, { cpuMillis: number; memoryBytes: number } | undefined, string, number]>([
    ['all but the 100 MiB that its kubelet keeps free', undefined, '2000m', 4096 - 100],
    ['not what is reserved', { cpuMillis: 70, memoryBytes: 1024 * mebibyte }, '1930m', 4096 - 1024 - 100],
    ['nothing when all is reserved', { cpuMillis: 3000, memoryBytes: 8192 * mebibyte }, '0m', 0],
  ])('is %s', (_what, reserved, cpu, memory) => {
    expect(allocatable({ cpu: 2, memoryKi: 4 * mebibyte, pods: 110 }, reserved)).toMatchObject({
      cpu,
      memory: `${memory * 1024}Ki`,
      pods: '110',
    });
  });
});

describe('a kubelet', () => {
  let cluster: ManualCluster;
  afterEach(() => cluster.close());
  const open = (...pods: readonly [string, Partial<PodSpec>][]): void => {
    cluster = openManualCluster();
    cluster.addNode('n1');
    cluster.pass(15);
    for (const [name, spec] of pods) {
      cluster.apply('pods', { metadata: { name, namespace: 'default' }, spec: podSpec(spec) });
    }
    cluster.settle();
  };

  it('runs init containers one after the other, then the rest', () => {
    open([
      'p',
      {
        initContainers: [
          { name: 'first', image: 'busybox', command: ['sleep', '5'] },
          { name: 'side', image: 'busybox', restartPolicy: 'Always' },
          { name: 'second', image: 'busybox', command: ['sleep', '5'] },
        ],
      },
    ]);
    cluster.pass(4);
    expect(conditionsOf(cluster.pod('p'))['Initialized']).toBe('False');
    expect(cluster.pod('p').status?.containerStatuses?.[0]?.state.waiting?.reason).toBe('PodInitializing');
    cluster.pass(5);
    expect(cluster.pod('p').status?.initContainerStatuses?.map(({ state }) => Object.keys(state)[0])).toEqual(
      ['terminated', 'running', 'running'],
    );
    cluster.pass(9);
    expect(isReady(cluster.pod('p'))).toBe(true);
    expect(cluster.pod('p').status?.phase).toBe('Running');
  });

  it('shows what runs on a control plane', () => {
    open();
    cluster.addNode('cp', { controlPlane: true });
    cluster.pass(20);
    const pods = (): readonly string[] => cluster.pods('kube-system').map(({ metadata }) => metadata.name);
    const all = ['etcd-cp', 'kube-apiserver-cp', 'kube-controller-manager-cp', 'kube-scheduler-cp'];
    expect(pods()).toEqual(all);
    expect(cluster.pods('kube-system').every((pod) => isReady(pod))).toBe(true);
    cluster.objects.remove('pods', 'etcd-cp', 'kube-system');
    cluster.pass(10);
    expect(pods()).toEqual(all);
    cluster.killNode('cp');
    cluster.objects.remove('nodes', 'cp');
    cluster.pass(60);
    expect(pods()).toEqual([]);
  });

  it('keeps what a pod has when it starts again', () => {
    open(['p', {}]);
    cluster.pass(10);
    const before = cluster.pod('p');
    cluster.killNode('n1');
    cluster.reviveNode('n1');
    cluster.pass(10);
    expect(cluster.pod('p').status).toEqual(before.status);
  });

  it('gives each pod its own address, and a host’s pod the host’s', () => {
    open(['a', {}], ['b', {}], ['host', { hostNetwork: true }]);
    cluster.pass(10);
    expect(['a', 'b', 'host'].map((name) => cluster.pod(name).status?.podIP)).toEqual([
      '10.217.0.2',
      '10.217.0.3',
      '10.4.0.9',
    ]);
  });

  it('lets a pod end as its policy says', () => {
    const container = { name: 'c', image: 'busybox', command: ['sh', '-c', 'sleep 2; exit 1'] };
    open(
      ['never', { restartPolicy: 'Never', containers: [container] }],
      ['failure', { restartPolicy: 'OnFailure', containers: [container] }],
      ['done', { restartPolicy: 'OnFailure', containers: [{ ...container, command: ['sleep', '2'] }] }],
    );
    cluster.pass(12);
    expect(cluster.pod('never').status?.phase).toBe('Failed');
    expect(cluster.pod('failure').status?.phase).toBe('Running');
    expect(cluster.pod('failure').status?.containerStatuses?.[0]?.restartCount).toBeGreaterThan(0);
    expect(cluster.pod('done').status?.phase).toBe('Succeeded');
  });
});
