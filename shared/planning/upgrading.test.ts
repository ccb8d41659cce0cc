import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Upgrade } from '../domain/upgrade.ts';
import {
  holdsUpgradeStep,
  isBetweenMinors,
  upgradeInstruction,
  versionOf,
  versionOfNext,
} from './upgrading.ts';

const upgrade: Upgrade = {
  id: 'u',
  revision: 1,
  from: '1.36',
  to: '1.37',
  requestedAt: exampleTime,
  requestedBy: 'ada',
  tries: 2,
};
const step = { number: 2, attempt: 3, since: exampleTime };
const controlPlanes = (...versions: readonly ('1.36' | '1.37')[]) =>
  versions.map((kubernetesVersion, index) =>
    aNode({ clusterId: 'c', number: index + 1, role: 'control-plane', kubernetesVersion }),
  );

describe('the minor of the next machine', () => {
  const all = controlPlanes('1.36', '1.36', '1.36');
  it.each<[string, Partial<Upgrade> | undefined, ReturnType<typeof controlPlanes>, string, string]>([
    ['nothing is upgraded', undefined, all, '1.36', '1.36'],
    ['nothing has begun', {}, all, '1.36', '1.36'],
    ['the first one is at it', { step }, all, '1.37', '1.36'],
    ['one is done', {}, controlPlanes('1.37', '1.36'), '1.37', '1.36'],
    ['all are done', { controlPlanesAt: exampleTime }, controlPlanes('1.37', '1.37'), '1.37', '1.37'],
    ['it is finished', { controlPlanesAt: exampleTime, finishedAt: exampleTime }, [], '1.37', '1.37'],
  ])('%s: a control plane %s, a worker %s', (_title, given, nodes, controlPlane, worker) => {
    const cluster = aCluster({
      kubernetesVersion: given?.controlPlanesAt === undefined ? '1.36' : '1.37',
      ...(given && { upgrade: { ...upgrade, ...given } }),
    });
    const of = (role: 'control-plane' | 'worker') => versionOfNext(cluster, { role }, nodes);
    expect([of('control-plane'), of('worker')]).toEqual([controlPlane, worker]);
    expect(isBetweenMinors(cluster)).toBe(given !== undefined && given.controlPlanesAt === undefined);
  });

  it('of a machine from before any upgrade is that of before', () => {
    const cluster = aCluster({ kubernetesVersion: '1.37', upgrade });
    expect(versionOf({ attempt: 1 }, cluster)).toBe('1.36');
    expect(versionOf({ attempt: 1, kubernetesVersion: '1.37' }, cluster)).toBe('1.37');
    expect(versionOf({ attempt: 1 }, aCluster({ kubernetesVersion: '1.35' }))).toBe('1.35');
    // It has none yet.
    expect(versionOf({ attempt: 0 }, cluster)).toBe('1.37');
  });
});

describe('a step', () => {
  it('is one machine’s, as long as the upgrade lasts', () => {
    const cluster = aCluster({ upgrade: { ...upgrade, step } });
    expect(holdsUpgradeStep(cluster, { number: 2, attempt: 3 })).toBe(true);
    expect(holdsUpgradeStep(cluster, { number: 2, attempt: 4 })).toBe(false);
    expect(holdsUpgradeStep(cluster, { number: 1, attempt: 3 })).toBe(false);
    expect(holdsUpgradeStep(aCluster({ upgrade }), { number: 2, attempt: 3 })).toBe(false);
  });

  it('has an instruction that names the minor, and another one with each try', () => {
    expect(upgradeInstruction(upgrade, step)).toEqual({
      id: 'upgrade-2-3-1.37-2',
      kind: 'upgrade',
      reason: '1.37',
    });
  });
});
