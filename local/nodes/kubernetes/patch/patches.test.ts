import { describe, expect, it } from 'vitest';
import { isApiError } from '../errors.ts';
import type { Json } from '../json.ts';
import { kindOf } from '../kinds.ts';
import type { KubernetesObject } from '../model.ts';
import { typeOfKind, type Type } from '../schema/types.ts';
import { mergePatch } from './json-merge.ts';
import { jsonPatch } from './json-patch.ts';
import { afterApply, afterUpdate } from './managed-fields.ts';
import { strategicMerge } from './strategic-merge.ts';

const type = typeOfKind(kindOf('pods')) as Type;
const spec = (value: Json): Json => ({ spec: value });

describe('a strategic merge patch', () => {
  it.each<readonly [title: string, target: Json, patch: Json, result: Json]>([
    [
      'changes one field',
      { nodeName: 'a', hostname: 'h' },
      { hostname: 'i' },
      { nodeName: 'a', hostname: 'i' },
    ],
    ['removes by null', { nodeName: 'a', hostname: 'h' }, { hostname: null }, { nodeName: 'a' }],
    [
      'merges containers by name',
      {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ],
      },
      { containers: [{ name: 'b', image: '2' }] },
      {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2' },
        ],
      },
    ],
    [
      'adds a container',
      { containers: [{ name: 'a' }] },
      { containers: [{ name: 'b' }] },
      { containers: [{ name: 'a' }, { name: 'b' }] },
    ],
    [
      'deletes a container by its directive',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'a', $patch: 'delete' }] },
      { containers: [{ name: 'b' }] },
    ],
    [
      'replaces a list by its directive',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ $patch: 'replace' }, { name: 'c' }] },
      { containers: [{ name: 'c' }] },
    ],
    [
      'replaces a list without merge key',
      { tolerations: [{ key: 'a' }] },
      { tolerations: [{ key: 'b' }] },
      { tolerations: [{ key: 'b' }] },
    ],
    [
      'orders as it is told, and leaves the others where they are',
      { containers: [{ name: 'a' }, { name: 'x' }, { name: 'b' }] },
      { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] },
      { containers: [{ name: 'x' }, { name: 'b' }, { name: 'a' }] },
    ],
    [
      'keeps of a volume only what is retained',
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { volumes: [{ name: 'v', hostPath: { path: '/' }, $retainKeys: ['name', 'hostPath'] }] },
      { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    ],
    [
      'replaces a map by its directive',
      { nodeSelector: { a: '1' } },
      { nodeSelector: { $patch: 'replace', b: '2' } },
      { nodeSelector: { b: '2' } },
    ],
    [
      'stores no directive of what is new',
      {},
      { volumes: [{ name: 'v', emptyDir: {}, $retainKeys: ['name', 'emptyDir'] }] },
      { volumes: [{ name: 'v', emptyDir: {} }] },
    ],
  ])('%s', (_title, target, patch, result) => {
    expect(strategicMerge(spec(target), spec(patch), type)).toEqual(spec(result));
  });

  it('deletes values of a list of values', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } };
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } };
    expect(strategicMerge(target, patch, type)).toEqual({ metadata: { finalizers: ['b'] } });
  });

  it('refuses an item without its key', () => {
    expect(() => strategicMerge(spec({}), spec({ containers: [{ image: 'x' }] }), type)).toThrow(
      'does not contain declared merge key: name',
    );
  });
});

describe('the patches of RFC 7386 and RFC 6902', () => {
  it('merge', () => {
    expect(mergePatch({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null }, d: [2] })).toEqual({
      a: { c: 2 },
      d: [2],
    });
  });
  it('do all operations', () => {
    const patch = [
      { op: 'test', path: '/a', value: 1 },
      { op: 'replace', path: '/a', value: 2 },
      { op: 'add', path: '/b~1c', value: 3 },
    ];
    expect(jsonPatch({ a: 1 }, patch)).toEqual({ a: 2, 'b/c': 3 });
  });
  it('do none when a test fails', () => {
    expect(() => jsonPatch({ a: 1 }, [{ op: 'test', path: '/a', value: 2 }])).toThrow('the server rejected');
  });
});

describe('server-side apply', () => {
  const now = '2026-01-01T00:00:00Z';
  const pod = (fields: Json): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    ...fields,
  });
  const apply = (live: KubernetesObject | undefined, applied: Json, name: string, force = false) =>
    afterApply(live, pod(applied), { manager: { name, operation: 'Apply' }, type, now, force });
  const update = (live: KubernetesObject, fields: Json, name: string) =>
    afterUpdate(live, { ...live, ...fields }, { manager: { name, operation: 'Update' }, type, now });
  const owners = (object: KubernetesObject): readonly string[] =>
    (object.metadata.managedFields ?? []).map((each) => (each as { manager: string }).manager);

  it('owns what it applies, written as FieldsV1', () => {
    const made = apply(undefined, spec({ containers: [{ name: 'a', image: '1' }], tolerations: [] }), 'me');
    expect(made.metadata.managedFields).toEqual([
      {
        manager: 'me',
        operation: 'Apply',
        apiVersion: 'v1',
        time: now,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
            'f:tolerations': {},
          },
        },
      },
    ]);
  });

  it('removes what it no longer applies, and only that', () => {
    const first = apply(undefined, spec({ hostname: 'h', containers: [{ name: 'a' }, { name: 'b' }] }), 'me');
    const other = apply(first, { metadata: { name: 'p', labels: { x: '1' } } }, 'other');
    const second = apply(other, spec({ containers: [{ name: 'a' }] }), 'me');
    expect(second['spec']).toEqual({ containers: [{ name: 'a' }] });
    expect(second.metadata.labels).toEqual({ x: '1' });
  });

  it('keeps what another applies too', () => {
    const first = apply(undefined, spec({ hostname: 'h', subdomain: 's' }), 'me');
    const both = apply(first, spec({ hostname: 'h' }), 'other');
    expect(apply(both, spec({ subdomain: 's' }), 'me')['spec']).toEqual({ hostname: 'h', subdomain: 's' });
  });

  it('conflicts with whoever set the field otherwise, and names it', () => {
    const changed = update(
      apply(undefined, spec({ hostname: 'h' }), 'me'),
      spec({ hostname: 'i' }),
      'editor',
    );
    let error: unknown;
    try {
      apply(changed, spec({ hostname: 'h' }), 'me');
    } catch (thrown) {
      error = thrown;
    }
    if (!isApiError(error, 'Conflict')) throw new Error('no conflict');
    expect(error.message).toBe(
      'Apply failed with 1 conflict: conflict with "editor" using v1: .spec.hostname',
    );
    expect(error.details.causes).toEqual([
      {
        reason: 'FieldManagerConflict',
        message: 'conflict with "editor" using v1',
        field: '.spec.hostname',
      },
    ]);
  });

  it('takes the field when forced', () => {
    const changed = update(
      apply(undefined, spec({ hostname: 'h' }), 'me'),
      spec({ hostname: 'i' }),
      'editor',
    );
    const forced = apply(changed, spec({ hostname: 'h' }), 'me', true);
    expect([forced['spec'], owners(forced)]).toEqual([{ hostname: 'h' }, ['me']]);
  });

  it('shares a field that both have alike', () => {
    const both = apply(apply(undefined, spec({ hostname: 'h' }), 'me'), spec({ hostname: 'h' }), 'other');
    expect(owners(both)).toEqual(['me', 'other']);
  });

  it('again the same changes nothing', () => {
    const once = apply(undefined, spec({ hostname: 'h', containers: [{ name: 'a' }] }), 'me');
    const again = afterApply(once, pod(spec({ hostname: 'h', containers: [{ name: 'a' }] })), {
      manager: { name: 'me', operation: 'Apply' },
      type,
      now: '2027-01-01T00:00:00Z',
      force: false,
    });
    expect(again).toEqual(once);
  });
});
