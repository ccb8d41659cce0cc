import { describe, expect, it } from 'vitest';
import { openDisk } from '../../disk.ts';
import type { ClusterClock, KubernetesObject, ObjectChange } from './model.ts';
import { createClusterObjects } from './objects.ts';

const clock: ClusterClock = { now: () => Date.UTC(2026, 0, 1), scaled: (seconds) => seconds * 1000 };
const open = (collection = openDisk({ name: 'objects' }).collection<KubernetesObject>('objects')) => ({
  collection,
  objects: createClusterObjects({ collection, clock }),
});
const deployment = (name: string, replicas = 1): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: { replicas },
});

describe("a cluster's objects", () => {
  it('are given what the API server gives them', () => {
    const made = open().objects.create('deployments', deployment('a'));
    expect(made.metadata).toEqual({
      name: 'a',
      namespace: 'default',
      uid: expect.any(String),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
    expect(Object.isFrozen(made.spec)).toBe(true);
  });

  it('count their generation by what is wanted, not by what is said of them', () => {
    const { objects } = open();
    const made = objects.create('deployments', deployment('a'));
    const said = objects.update('deployments', { ...made, status: { replicas: 1 } });
    const wanted = objects.update('deployments', { ...said, spec: { replicas: 2 } });
    expect([said, wanted].map(({ metadata }) => metadata.generation)).toEqual([1, 2]);
  });

  it('are not written when nothing changed', () => {
    const { objects } = open();
    const made = objects.create('deployments', deployment('a'));
    expect(objects.update('deployments', structuredClone(made))).toBe(made);
    expect(objects.resourceVersion).toBe(1);
  });

  it('refuse what is there, what is not, and what is stale', () => {
    const { objects } = open();
    const made = objects.create('deployments', deployment('a'));
    objects.update('deployments', { ...made, spec: { replicas: 2 } });
    expect(() => objects.create('deployments', deployment('a'))).toThrow('already exists');
    expect(() => objects.update('deployments', deployment('b'))).toThrow('not found');
    expect(() => objects.update('deployments', made)).toThrow('has been modified');
    expect(objects.remove('deployments', 'b', 'default')).toBe(false);
  });

  it('tell every change before the write returns', () => {
    const { objects } = open();
    const heard: ObjectChange[] = [];
    const stop = objects.listen((change) => heard.push(change));
    const made = objects.create('deployments', deployment('a'));
    objects.update('deployments', { ...made, spec: { replicas: 2 } });
    objects.remove('deployments', 'a', 'default');
    stop();
    objects.create('deployments', deployment('b'));
    expect(heard.map(({ type, object }) => [type, object.metadata.resourceVersion])).toEqual([
      ['ADDED', '1'],
      ['MODIFIED', '2'],
      ['DELETED', '3'],
    ]);
  });

  it('survive a restart, and no version is given twice', () => {
    const { collection, objects } = open();
    const made = objects.create('deployments', deployment('a'));
    objects.create('deployments', deployment('b'));
    objects.remove('deployments', 'b', 'default');
    const again = open(collection).objects;
    expect(again.list('deployments')).toEqual([made]);
    expect(again.resourceVersion).toBe(3);
  });
});
