import { afterEach, describe, expect, it } from 'vitest';
import {
  conditionsOf,
  deploymentOf,
  openManualCluster,
  podSpec,
  type ManualCluster,
} from '../../../../test/builders/manual-cluster.ts';
import { isApiError } from '../errors.ts';
import { isReady } from './conditions.ts';
import { deleteObject } from './deletion.ts';
import { evictPod } from './eviction.ts';
import type { Deployment, Job, Pod, ReplicaSet } from './shapes.ts';

let cluster: ManualCluster;
const open = (...nodes: readonly string[]): ManualCluster => {
  cluster = openManualCluster();
  for (const name of nodes) cluster.addNode(name);
  cluster.pass(20);
  return cluster;
};
afterEach(() => {
  cluster.close();
  // Whatever a controller did not get done is in the log.
  if (cluster.log.length > 0) throw new Error(cluster.log.join('\n'));
});

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

const deployment = (name: string): Deployment =>
  cluster.objects.get('deployments', name, 'default') as Deployment;
const sets = (): readonly ReplicaSet[] =>
  cluster.objects.list('replicasets', 'default') as readonly ReplicaSet[];
/** `[image, wanted, ready]` of each replica set that wants any. */
const spread = (): readonly unknown[] =>
  sets()
    .filter(({ spec, status }) => (spec.replicas ?? 0) > 0 || (status?.replicas ?? 0) > 0)
    .map(({ spec, status }) => [
      spec.template.spec.containers[0]?.image,
      spec.replicas,
      status?.readyReplicas,
    ])
    .sort(byText);
const ready = (): number => cluster.pods().filter((pod) => isReady(pod)).length;
const progressing = (name: string): string | undefined =>
  deployment(name).status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
const remove = (plural: string, name: string, options: Parameters<typeof deleteObject>[3] = {}): unknown =>
  deleteObject(cluster, plural, { name, namespace: 'default' }, options);

describe('a deployment', () => {
  it('becomes running pods, and says so as it goes', () => {
    open('n1', 'n2');
    cluster.apply('deployments', deploymentOf('web'));
    cluster.settle();
    expect(cluster.pods().map(({ status }) => status?.phase)).toEqual(['Pending', 'Pending', 'Pending']);
    cluster.pass(5);
    expect(ready()).toBe(3);
    expect(new Set(cluster.pods().map(({ spec }) => spec.nodeName))).toEqual(new Set(['n1', 'n2']));
    expect(new Set(cluster.pods().map(({ status }) => status?.podIP)).size).toBe(3);
    expect(deployment('web').status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(progressing('web')).toBe('NewReplicaSetAvailable');
    expect(deployment('web').metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(cluster.reasons('web')).toEqual(['ScalingReplicaSet']);
    const [pod] = cluster.pods();
    expect(cluster.reasons(pod!.metadata.name).sort(byText)).toEqual(
      ['Created', 'Pulled', 'Pulling', 'Scheduled', 'Started'].sort(byText),
    );
    expect(conditionsOf(pod)).toEqual({
      PodReadyToStartContainers: 'True',
      Initialized: 'True',
      Ready: 'True',
      ContainersReady: 'True',
      PodScheduled: 'True',
    });
  });

  it('is rolled step by step, and never has too few nor too many', () => {
    open('n1');
    const slow = {
      pod: { containers: [{ name: 'web', image: 'web:2', readinessProbe: { initialDelaySeconds: 5 } }] },
    };
    cluster.apply(
      'deployments',
      deploymentOf('web', { replicas: 4, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
    );
    cluster.pass(10);
    cluster.apply(
      'deployments',
      deploymentOf('web', {
        replicas: 4,
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
        ...slow,
      }),
    );
    cluster.settle();
    expect(spread()).toEqual([
      ['nginx:1', 3, 3],
      ['web:2', 2, 0],
    ]);
    expect(progressing('web')).toBe('ReplicaSetUpdated');
    for (let second = 0; second < 120 && progressing('web') !== 'NewReplicaSetAvailable'; second += 1) {
      cluster.pass(1);
      expect(ready()).toBeGreaterThanOrEqual(3);
      expect(sets().reduce((sum, { spec }) => sum + (spec.replicas ?? 0), 0)).toBeLessThanOrEqual(5);
    }
    expect(spread()).toEqual([['web:2', 4, 4]]);
    expect(deployment('web').metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    cluster.pass(31);
    expect(cluster.pods()).toHaveLength(4);
    // Back to what it was: the old replica set is the newest again.
    cluster.apply('deployments', deploymentOf('web', { replicas: 4 }));
    cluster.pass(60);
    expect(spread()).toEqual([['nginx:1', 4, 4]]);
    expect(sets()).toHaveLength(2);
    expect(deployment('web').metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  it('stops rolling at an image that is not there, keeps what serves, and says when its time is over', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web', { replicas: 4 }));
    cluster.pass(10);
    cluster.apply(
      'deployments',
      deploymentOf('web', { replicas: 4, image: 'does-not-exist:1', spec: { progressDeadlineSeconds: 60 } }),
    );
    cluster.pass(45);
    expect(ready()).toBe(3);
    expect(progressing('web')).toBe('ReplicaSetUpdated');
    cluster.pass(60);
    expect(progressing('web')).toBe('ProgressDeadlineExceeded');
    expect(
      cluster
        .pods()
        .flatMap(({ status }) => status?.containerStatuses?.map(({ state }) => state.waiting?.reason) ?? []),
    ).toContain('ImagePullBackOff');
  });

  it('Recreate ends all before it begins', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web', { strategy: { type: 'Recreate' } }));
    cluster.pass(10);
    cluster.apply('deployments', deploymentOf('web', { strategy: { type: 'Recreate' }, image: 'web:2' }));
    cluster.pass(20);
    expect(sets()).toHaveLength(1);
    expect(ready()).toBe(0);
    cluster.pass(20);
    expect(spread()).toEqual([['web:2', 3, 3]]);
  });

  it('is scaled, also while it is paused, and rolled when it goes on', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web', { replicas: 2 }));
    cluster.pass(10);
    cluster.apply(
      'deployments',
      deploymentOf('web', { replicas: 5, image: 'web:2', spec: { paused: true } }),
    );
    cluster.pass(10);
    expect(spread()).toEqual([['nginx:1', 5, 5]]);
    cluster.apply(
      'deployments',
      deploymentOf('web', { replicas: 5, image: 'web:2', spec: { paused: false } }),
    );
    cluster.pass(90);
    expect(spread()).toEqual([['web:2', 5, 5]]);
    cluster.apply('deployments', deploymentOf('web', { replicas: 0, image: 'web:2' }));
    cluster.pass(40);
    expect(cluster.pods()).toHaveLength(0);
    cluster.apply('deployments', deploymentOf('web', { replicas: 1, image: 'web:2' }));
    cluster.pass(10);
    expect(spread()).toEqual([['web:2', 1, 1]]);
  });

  it('goes on after the controllers died in the middle', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web', { replicas: 6 }));
    cluster.pass(10);
    cluster.apply('deployments', deploymentOf('web', { replicas: 6, image: 'web:2' }));
    for (let second = 0; second < 60; second += 1) {
      cluster.restartControllers();
      cluster.pass(1);
    }
    expect(spread()).toEqual([['web:2', 6, 6]]);
    const { resourceVersion } = cluster.objects;
    cluster.restartControllers();
    cluster.settle();
    expect(cluster.objects.resourceVersion).toBe(resourceVersion);
  });
});

describe('what cannot be placed', () => {
  it('says why once, and is placed when there is room', () => {
    open('n1');
    const pod = { containers: [{ name: 'web', image: 'nginx:1', resources: { requests: { cpu: '3' } } }] };
    cluster.apply('deployments', deploymentOf('web', { replicas: 2, pod }));
    cluster.pass(30);
    const waiting = cluster.pods().filter(({ spec }) => spec.nodeName === undefined);
    expect(waiting).toHaveLength(1);
    const scheduled = waiting[0]?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    expect(scheduled).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(scheduled?.message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    expect(cluster.reasons(waiting[0]!.metadata.name)).toEqual(['FailedScheduling']);
    cluster.addNode('n2');
    cluster.pass(20);
    expect(ready()).toBe(2);
  });
});

describe('a daemon set', () => {
  it('has one pod on each node, also on one that is cordoned, and none where it may not be', () => {
    open('n1');
    cluster.addNode('cp', {
      taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
    });
    cluster.objects.change('nodes', 'n1', undefined, (node) => ({
      ...node,
      spec: { ...(node['spec'] as object), unschedulable: true },
    }));
    cluster.apply('daemonsets', {
      metadata: { name: 'agent', namespace: 'default' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: { metadata: { labels: { app: 'agent' } }, spec: podSpec() },
      },
    });
    cluster.pass(20);
    expect(cluster.pods().map(({ spec }) => spec.nodeName)).toEqual(['n1']);
    cluster.addNode('n2');
    cluster.pass(20);
    expect(
      cluster
        .pods()
        .map(({ spec }) => spec.nodeName)
        .sort(byText),
    ).toEqual(['n1', 'n2']);
    expect(cluster.objects.get('daemonsets', 'agent', 'default')?.['status']).toMatchObject({
      desiredNumberScheduled: 2,
      numberReady: 2,
      updatedNumberScheduled: 2,
      numberUnavailable: 0,
    });
  });
});

describe('a job', () => {
  const job = (spec: object, pod: object = {}, annotations: Record<string, string> = {}): void => {
    cluster.apply('jobs', {
      metadata: { name: 'task', namespace: 'default' },
      spec: {
        parallelism: 1,
        completions: 1,
        template: { metadata: { annotations }, spec: podSpec({ restartPolicy: 'Never', ...pod }) },
        ...spec,
      },
    });
  };
  const status = (): Job['status'] =>
    (cluster.objects.get('jobs', 'task', 'default') as Job | undefined)?.status;

  it('runs as many as it may at a time until enough have succeeded', () => {
    open('n1');
    job(
      { completions: 5, parallelism: 2 },
      { containers: [{ name: 'c', image: 'busybox', command: ['sleep', '10'] }] },
    );
    cluster.pass(5);
    expect(status()).toMatchObject({ active: 2, ready: 2 });
    cluster.pass(60);
    expect(status()).toMatchObject({ succeeded: 5, ready: 0 });
    expect(conditionsOf(cluster.objects.get('jobs', 'task', 'default'))).toMatchObject({ Complete: 'True' });
    expect(status()?.completionTime).toBeDefined();
    expect(cluster.pods()).toHaveLength(5);
  });

  it('gives up after so many failures', () => {
    open('n1');
    job({ backoffLimit: 2 }, {}, { 'local.overcast.dev/exit': '3' });
    cluster.pass(120);
    expect(conditionsOf(cluster.objects.get('jobs', 'task', 'default'))).toMatchObject({ Failed: 'True' });
    expect(status()).toMatchObject({ failed: 3 });
    expect(cluster.pods()[0]?.status?.containerStatuses?.[0]?.state.terminated).toMatchObject({
      exitCode: 3,
    });
  });

  it('is taken away with its pods when its time after the end is over', () => {
    open('n1');
    job({ ttlSecondsAfterFinished: 20 });
    cluster.pass(20);
    expect(status()?.succeeded).toBe(1);
    cluster.pass(20);
    expect(status()).toBeUndefined();
    expect(cluster.pods()).toHaveLength(0);
  });
});

describe('a service', () => {
  it('leads to the ready pods', () => {
    open('n1');
    cluster.apply('services', {
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    });
    cluster.apply(
      'deployments',
      deploymentOf('web', {
        replicas: 2,
        pod: {
          containers: [{ name: 'web', image: 'nginx:1', ports: [{ name: 'http', containerPort: 8080 }] }],
        },
      }),
    );
    const subsets = () =>
      (cluster.objects.get('endpoints', 'web', 'default')?.['subsets'] ?? []) as {
        addresses?: { ip: string }[];
        ports: object[];
      }[];
    cluster.pass(10);
    expect(
      subsets()[0]
        ?.addresses?.map(({ ip }) => ip)
        .sort(byText),
    ).toEqual(
      cluster
        .pods()
        .map(({ status }) => status?.podIP)
        .sort(byText),
    );
    expect(subsets()[0]?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
    const [slice] = cluster.objects.list('endpointslices', 'default');
    expect(slice).toMatchObject({ addressType: 'IPv4', ports: [{ name: 'http', port: 8080 }] });
    expect(slice?.['endpoints']).toHaveLength(2);
    const [leaving] = cluster.pods();
    remove('pods', leaving!.metadata.name);
    cluster.settle();
    // One that leaves does not serve from that moment on.
    expect(subsets()[0]?.addresses?.map(({ ip }) => ip)).not.toContain(leaving!.status?.podIP);
    remove('services', 'web');
    cluster.settle();
    expect(cluster.objects.get('endpoints', 'web', 'default')).toBeUndefined();
    expect(cluster.objects.list('endpointslices', 'default')).toEqual([]);
  });
});

describe('deletion', () => {
  it('background: what is owned follows', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web'));
    cluster.pass(10);
    remove('deployments', 'web');
    cluster.settle();
    expect(sets()).toEqual([]);
    expect(ready()).toBe(0);
    cluster.pass(31);
    expect(cluster.pods()).toEqual([]);
  });

  it('foreground: what is owned goes first', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web'));
    cluster.pass(10);
    remove('deployments', 'web', { propagation: 'Foreground' });
    cluster.pass(10);
    expect(deployment('web').metadata.deletionTimestamp).toBeDefined();
    expect(sets()).toHaveLength(1);
    cluster.pass(30);
    expect([deployment('web'), sets(), cluster.pods()]).toEqual([undefined, [], []]);
  });

  it('orphan: what was owned stays, and is adopted again', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web'));
    cluster.pass(10);
    const [set] = sets();
    remove('replicasets', set!.metadata.name, { propagation: 'Orphan' });
    remove('deployments', 'web', { propagation: 'Orphan' });
    cluster.settle();
    expect(sets()).toEqual([]);
    expect(cluster.pods().map(({ metadata }) => metadata.ownerReferences)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(ready()).toBe(3);
  });

  it('a namespace is emptied first', () => {
    open('n1');
    cluster.apply('namespaces', { metadata: { name: 'team' } });
    cluster.settle();
    expect(cluster.objects.get('serviceaccounts', 'default', 'team')).toBeDefined();
    expect(cluster.objects.get('configmaps', 'kube-root-ca.crt', 'team')?.['data']).toEqual({
      'ca.crt': 'CA',
    });
    const { metadata, ...rest } = deploymentOf('web');
    cluster.apply('deployments', { ...rest, metadata: { ...metadata, namespace: 'team' } });
    cluster.pass(10);
    expect(cluster.pods('team')).toHaveLength(3);
    deleteObject(cluster, 'namespaces', { name: 'team' });
    cluster.pass(10);
    expect(cluster.objects.get('namespaces', 'team')?.['status']).toEqual({ phase: 'Terminating' });
    cluster.pass(30);
    expect(cluster.objects.get('namespaces', 'team')).toBeUndefined();
    expect(cluster.objects.list('events', 'team')).toEqual([]);
  });

  it('a grace of nothing takes a pod at once', () => {
    open('n1');
    cluster.apply('pods', { metadata: { name: 'alone', namespace: 'default' }, spec: podSpec() });
    cluster.pass(5);
    expect(isReady(cluster.pod('alone'))).toBe(true);
    remove('pods', 'alone');
    cluster.settle();
    expect(isReady(cluster.pod('alone'))).toBe(false);
    remove('pods', 'alone', { graceSeconds: 0 });
    expect(cluster.pods()).toEqual([]);
  });
});

describe('a node', () => {
  it('gets its own pod range and becomes ready', () => {
    open('n1', 'n2');
    const ranges = cluster.objects
      .list('nodes')
      .map((node) => (node['spec'] as { podCIDR?: string }).podCIDR);
    expect(ranges).toEqual(['10.217.0.0/24', '10.217.1.0/24']);
    expect(conditionsOf(cluster.objects.get('nodes', 'n1'))['Ready']).toBe('True');
    expect(cluster.objects.get('nodes', 'n1')?.['spec']).not.toHaveProperty('taints');
    expect(cluster.reasons('n1').sort(byText)).toEqual(['NodeReady', 'RegisteredNode']);
    expect(cluster.objects.get('leases', 'n1', 'kube-node-lease')).toBeDefined();
  });

  it('that is lost loses its pods after their patience, and takes part again when it is back', () => {
    open('n1', 'n2');
    cluster.apply('deployments', deploymentOf('web', { replicas: 4 }));
    cluster.pass(10);
    cluster.killNode('n1');
    cluster.pass(50);
    expect(conditionsOf(cluster.objects.get('nodes', 'n1'))['Ready']).toBe('Unknown');
    expect(cluster.objects.get('nodes', 'n1')?.['spec']).toMatchObject({
      taints: [
        { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
        { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
      ],
    });
    expect(ready()).toBe(2);
    expect(cluster.pods()).toHaveLength(4);
    cluster.pass(310);
    expect(ready()).toBe(4);
    // Nobody confirms that they have ended.
    expect(cluster.pods()).toHaveLength(6);
    cluster.reviveNode('n1');
    cluster.pass(15);
    expect(conditionsOf(cluster.objects.get('nodes', 'n1'))['Ready']).toBe('True');
    expect(cluster.pods()).toHaveLength(4);
    expect(cluster.reasons('n1')).toContain('NodeNotReady');
  });

  it('that is deleted gives its pods up', () => {
    open('n1', 'n2');
    cluster.apply('deployments', deploymentOf('web', { replicas: 4 }));
    cluster.pass(10);
    cluster.killNode('n1');
    cluster.objects.remove('nodes', 'n1');
    cluster.pass(60);
    expect(cluster.pods().map(({ spec }) => spec.nodeName)).toEqual(['n2', 'n2', 'n2', 'n2']);
    expect(ready()).toBe(4);
    expect(cluster.objects.get('leases', 'n1', 'kube-node-lease')).toBeUndefined();
  });

  it('with a new NoExecute taint drives off whom it does not suit', () => {
    open('n1');
    cluster.apply('pods', {
      metadata: { name: 'stays', namespace: 'default' },
      spec: podSpec({ tolerations: [{ operator: 'Exists' }] }),
    });
    cluster.apply('pods', { metadata: { name: 'goes', namespace: 'default' }, spec: podSpec() });
    cluster.pass(5);
    cluster.objects.change('nodes', 'n1', undefined, (node) => ({
      ...node,
      spec: { ...(node['spec'] as object), taints: [{ key: 'own', effect: 'NoExecute' }] },
    }));
    cluster.settle();
    expect(cluster.pod('goes').metadata.deletionTimestamp).toBeDefined();
    expect(cluster.pod('stays').metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('a disruption budget', () => {
  const budget = (spec: object): void => {
    cluster.apply('poddisruptionbudgets', {
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    });
  };
  const evict = (pod: Pod): string => {
    try {
      evictPod(cluster, { namespace: 'default', name: pod.metadata.name });
      return 'evicted';
    } catch (error) {
      return isApiError(error) ? `${error.code} ${error.message}` : String(error);
    }
  };

  it.each<[object, number]>([
    [{ minAvailable: 3 }, 1],
    [{ minAvailable: '50%' }, 2],
    [{ minAvailable: '100%' }, 0],
    [{ maxUnavailable: 1 }, 1],
    [{ maxUnavailable: '30%' }, 2],
    [{ maxUnavailable: 0 }, 0],
    [{ minAvailable: 5 }, 0],
  ])('%j of four allows %d', (spec, allowed) => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web', { replicas: 4 }));
    cluster.pass(10);
    budget(spec);
    cluster.settle();
    expect(cluster.objects.get('poddisruptionbudgets', 'web', 'default')?.['status']).toMatchObject({
      disruptionsAllowed: allowed,
      currentHealthy: 4,
    });
  });

  it('lets two evictions of one moment not both pass', () => {
    open('n1');
    cluster.apply('deployments', deploymentOf('web', { replicas: 3 }));
    cluster.pass(10);
    budget({ maxUnavailable: 1 });
    cluster.settle();
    const [first, second] = cluster.pods();
    expect(evict(first!)).toBe('evicted');
    expect(evict(second!)).toBe("429 Cannot evict pod as it would violate the pod's disruption budget.");
    // Asked again for one that leaves already: nothing more is spent.
    expect(evict(first!)).toBe('evicted');
    cluster.pass(40);
    expect(ready()).toBe(3);
    expect(evict(second!)).toBe('evicted');
  });
});

describe('events', () => {
  it('are counted, and dropped when they are old', () => {
    open('n1');
    cluster.apply('pods', {
      metadata: { name: 'crash', namespace: 'default', annotations: { 'local.overcast.dev/exit': '1' } },
      spec: podSpec(),
    });
    cluster.pass(200);
    const status = cluster.pod('crash').status?.containerStatuses?.[0];
    expect(status?.restartCount).toBeGreaterThan(3);
    expect(status?.state.waiting?.reason).toBe('CrashLoopBackOff');
    expect(status?.lastState.terminated?.exitCode).toBe(1);
    const back = cluster.objects.list('events').filter((event) => event['reason'] === 'BackOff');
    expect(back).toHaveLength(1);
    expect(back[0]?.['count']).toBeGreaterThan(2);
    cluster.objects.remove('pods', 'crash', 'default');
    cluster.pass(3720, 60);
    expect(cluster.objects.list('events')).toEqual([]);
  });
});
