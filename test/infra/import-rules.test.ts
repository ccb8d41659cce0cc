import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFolder } from '../../infra/paths.ts';

/**
 * Who may import whom. A room is a folder (or file) by its path; a file belongs to the longest one that fits. Every file
 * may import its own room. The design's table, as data.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  'shared/domain': [],
  'shared/planning': ['shared/domain'],
  events: ['shared/domain', 'shared/planning'],
  'shared/store': ['shared/domain', 'shared/planning'],
  'shared/clouds': ['shared/domain', 'shared/planning'],
  'shared/clouds/aws': ['shared/domain', 'shared/planning', 'shared/clouds'],
  'shared/clouds/gcp': ['shared/domain', 'shared/planning', 'shared/clouds'],
  'shared/clouds/azure': ['shared/domain', 'shared/planning', 'shared/clouds'],
  'shared/clouds/digitalocean': ['shared/domain', 'shared/planning', 'shared/clouds'],
  'shared/clouds/memory': ['shared/domain', 'shared/planning', 'shared/clouds'],
  'shared/kubernetes': ['shared/domain', 'shared/planning'],
  'shared/runtime': ['shared/store', 'shared/clouds', 'shared/kubernetes', 'shared/domain', 'events'],
  functions: ['events', 'shared/domain', 'shared/planning', 'shared/runtime'],
  // The workflows match cloud errors by name; the stack is typed by the settings and names events, clouds and kinds.
  infra: ['events', 'shared/domain', 'shared/runtime/settings.ts', 'shared/clouds/errors.ts'],
  cli: ['shared/domain', 'package.json'],
  'local/disk.ts': [],
  'local/loopback.ts': [],
  'local/clouds': ['local/disk.ts', 'local/loopback.ts'],
  'local/aws': ['local/disk.ts', 'local/loopback.ts'],
  'local/nodes': ['local/disk.ts', 'shared/domain/node-protocol.ts'],
};
/** These put rooms together: they may import everything. */
const anything = ['local/platform.ts', 'local/names.ts', 'local/start.ts', 'test', 'bench'];
/** Only these reach a driver, and only their own. */
const driverUser =
  /^functions\/(?:drive-cloud|observe-cloud|refresh-offerings)\/(aws|gcp|azure|digitalocean)\//;

const fits = (path: string, room: string): boolean => path === room || path.startsWith(`${room}/`);
const roomOf = (path: string): string | undefined =>
  [...Object.keys(rooms), ...anything]
    .filter((room) => fits(path, room))
    .sort((a, b) => b.length - a.length)[0];

/** Every module that the file names, types too; our files are formatted, so their statements have one form. */
function importsOf(path: string): readonly string[] {
  const text = readFileSync(join(projectFolder, path), 'utf8').replaceAll(
    /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
    '',
  );
  const statements = [
    ...text.matchAll(/^(?:import|export)\b[^;'"]*?from\s+'([^']+)'/gm),
    ...text.matchAll(/^import\s+'([^']+)'/gm),
    ...text.matchAll(/\bimport\(\s*'([^']+)'/g),
  ];
  return statements
    .map(([, specifier]) => specifier ?? '')
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.normalize(posix.join(dirname(path), specifier)));
}

/** Why a file must not import this, or undefined when it may. */
function objection(from: string, to: string): string | undefined {
  const room = roomOf(from);
  if (room === undefined) return `${from} is in no room`;
  if (anything.includes(room) || (fits(to, room) && roomOf(to) === room)) {
    const [, folderFrom] = from.split('/');
    const [, folderTo] = to.split('/');
    if (room === 'functions' && folderFrom !== folderTo) return `${from} imports another function: ${to}`;
    return undefined;
  }
  const [, own] = driverUser.exec(from) ?? [];
  if (own !== undefined && fits(to, `shared/clouds/${own}`)) return undefined;
  // A parent room's own files (contract.ts, errors.ts), not its sub-rooms, are meant.
  const allowed = (rooms[room] ?? []).some(
    (target) =>
      fits(to, target) && (roomOf(to) === target || target.endsWith('.ts') || target.endsWith('.json')),
  );
  return allowed ? undefined : `${from} may not import ${to}`;
}

const sources = globSync('{events,functions,shared,infra,cli,local}/**/*.ts', { cwd: projectFolder }).filter(
  (path) => !path.endsWith('.test.ts'),
);

describe('the import rules', () => {
  it('sees the project', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(importsOf('functions/answer-node-sync/answer.ts')).toContain(
      'shared/planning/next-instruction.ts',
    );
  });

  it('hold for every file', () => {
    const objections = sources.flatMap((from) => importsOf(from).map((to) => objection(from, to)));
    expect(objections.filter((each) => each !== undefined)).toEqual([]);
  });

  it.each([
    ['shared/domain/node.ts', 'shared/store/keys.ts'],
    ['shared/planning/reconcile.ts', 'shared/runtime/clock.ts'],
    ['shared/store/nodes.ts', 'shared/clouds/contract.ts'],
    ['functions/serve-api/app.ts', 'functions/request-nodes/request.ts'],
    ['functions/serve-api/app.ts', 'shared/store/index.ts'],
    ['functions/drive-cloud/aws/handler.ts', 'shared/clouds/gcp/index.ts'],
    ['functions/drive-cloud/drive.ts', 'shared/clouds/aws/index.ts'],
    ['shared/runtime/cloud.ts', 'shared/clouds/aws/index.ts'],
    ['local/clouds/aws/index.ts', 'shared/clouds/aws/index.ts'],
    ['local/aws/index.ts', 'local/clouds/world.ts'],
    ['infra/app.ts', 'shared/store/definition.ts'],
  ])('refuse the arrow from %s to %s', (from, to) => {
    expect(objection(from, to)).toBeDefined();
  });

  it.each([
    ['functions/drive-cloud/aws/handler.ts', 'shared/clouds/aws/index.ts'],
    ['functions/drive-cloud/aws/handler.ts', 'functions/drive-cloud/drive.ts'],
    ['shared/runtime/cloud.ts', 'shared/clouds/contract.ts'],
    ['infra/workflows/asl.ts', 'shared/clouds/errors.ts'],
  ])('allow the arrow from %s to %s', (from, to) => {
    expect(objection(from, to)).toBeUndefined();
  });
});

describe('planning is pure', () => {
  const planners = sources.filter(
    (path) => path.startsWith('shared/planning/') || path.startsWith('shared/domain/'),
  );
  it.each([
    ['no await', /\bawait\b/],
    ['no clock', /\bDate\.now\(|new Date\(\)|performance\.now/],
    ['no randomness', /Math\.random|randomUUID|randomBytes/],
    ['no SDK', /from '@(?:aws-sdk|google-cloud|azure)\//],
  ])('%s', (_rule, pattern) => {
    const offenders = planners.filter((path) =>
      pattern.test(
        readFileSync(join(projectFolder, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''),
      ),
    );
    expect(offenders).toEqual([]);
  });
});
