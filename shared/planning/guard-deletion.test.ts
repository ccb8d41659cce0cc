import { describe, expect, it } from 'vitest';
import type { SeenStranger } from '../domain/observation.ts';
import { guardDeletion } from './guard-deletion.ts';

const machine: SeenStranger = { kind: 'machine', id: 'i-0abc', name: 'db-1', inside: 'vpc-0def' };
const guard = (...strangers: SeenStranger[]) =>
  guardDeletion({
    clusterName: 'four-clouds',
    observations: [
      { cloud: 'gcp', strangers: [] },
      { cloud: 'aws', strangers },
    ],
  });

describe('a cluster', () => {
  it('may go when everything in its networks is its own', () => {
    expect(guard()).toEqual({ allowed: true });
  });

  it('may not go with a stranger in it, who is named', () => {
    expect(guard(machine)).toEqual({
      allowed: false,
      reason: "aws: machine i-0abc (db-1) in vpc-0def is not four-clouds's",
      strangers: [{ cloud: 'aws', ...machine }],
    });
  });

  it('names a nameless one by its id alone', () => {
    expect(guard({ ...machine, name: '' })).toMatchObject({
      reason: "aws: machine i-0abc in vpc-0def is not four-clouds's",
    });
  });

  it('names as many as an event holds, and counts the rest', () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ ...machine, id: `i-${index}` }));
    const verdict = guard(...many);
    const reason = verdict.allowed ? '' : verdict.reason;
    expect(reason.length).toBeLessThanOrEqual(1024);
    expect(reason).toMatch(/; and \d+ more$/);
    expect(verdict.allowed ? [] : verdict.strangers).toHaveLength(100);
    const endless = guard({ ...machine, name: 'x'.repeat(2000) });
    expect(endless.allowed ? '' : endless.reason).toHaveLength(1024);
  });

  it('names machines first: what came with them has ids that would leave no room', () => {
    const disks = Array.from({ length: 9 }, (_, index) => ({
      ...machine,
      kind: 'disk',
      id: 'd'.repeat(200 + index),
    }));
    const verdict = guard(...disks, machine);
    expect(verdict.allowed ? '' : verdict.reason).toMatch(/^aws: machine i-0abc .*; and \d+ more$/s);
  });
});
