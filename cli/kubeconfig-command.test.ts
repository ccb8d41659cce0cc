import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, describe, expect, it } from 'vitest';
import { buildKubeconfig, renderKubeconfig } from '../shared/kubernetes/kubeconfig.ts';
import { Secret } from '../shared/kubernetes/pki/secret.ts';
import { problem, someDetails } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';

describe('kubeconfig', () => {
  const issued = renderKubeconfig(
    buildKubeconfig({
      installation: 'overcast',
      clusterId: someDetails().id,
      clusterName: 'four-clouds',
      caCertificatePem: 'CA',
      controlPlanes: [{ name: 'four-clouds-1', address: '203.0.113.1' }],
      credential: { certificatePem: 'CERTIFICATE', privateKey: new Secret('KEY') },
      user: 'ada',
    }),
  );
  const route = 'POST /v1/clusters/four-clouds/kubeconfig';
  const answers = {
    [route]: [
      { status: 201, body: { kubeconfig: issued, user: 'ada', expiresAt: '2026-11-24T07:00:00.000Z' } },
    ],
  };
  const theirs = 'clusters:\n- name: work\n  cluster: { server: https://k8s.example.com }\n';
  const merge = ['kubeconfig', 'four-clouds', '--merge'];
  const home = mkdtempSync(join(tmpdir(), 'overcast-kube-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const fresh = (text?: string): string => {
    const path = join(mkdtempSync(join(home, 'd-')), 'config');
    if (text !== undefined) writeFileSync(path, text, { mode: 0o644 });
    return path;
  };
  const contextsIn = (path: string): unknown =>
    (load(readFileSync(path, 'utf8')) as { contexts: { name: string }[] }).contexts.map(({ name }) => name);

  it('is printed, and nothing else is', async () => {
    expect(await overcast(['kubeconfig', 'four-clouds'], answers)).toMatchObject({
      out: issued,
      err: '',
      exitCode: 0,
      calls: [{ what: route }],
    });
  });

  it('on a terminal is said to be a secret, apart from it', async () => {
    const { out, err } = await overcast(['kubeconfig', 'four-clouds'], answers, { isOutputTerminal: true });
    expect(out).toBe(issued);
    expect(err).toContain('a secret for ada, valid until 2026-11-24T07:00:00.000Z');
    expect(err).toContain('overcast kubeconfig four-clouds --merge');
  });

  it('is merged into what is there, for its owner alone', async () => {
    const path = fresh(theirs);
    const { out, exitCode } = await overcast(merge, answers, { kubeconfig: `${path}${delimiter}/elsewhere` });
    expect([exitCode, out]).toEqual([
      0,
      `${path} lets kubectl into four-clouds (for ada, valid until 2026-11-24T07:00:00.000Z)\n`,
    ]);
    expect(load(readFileSync(path, 'utf8'))).toMatchObject({
      clusters: [{ name: 'work' }, { name: 'four-clouds' }],
      'current-context': 'four-clouds',
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(path))).toEqual(['config']);
  });

  it.each<[string, readonly string[], string]>([
    ['leaves the current context alone', [], 'work'],
    ['with --use makes it the current one', ['--use'], 'four-clouds'],
  ])('%s', async (_, options, current) => {
    const path = fresh(
      `${theirs}contexts: [{ name: work, context: { cluster: work } }]\ncurrent-context: work\n`,
    );
    await overcast([...merge, ...options], answers, { kubeconfig: path });
    expect(load(readFileSync(path, 'utf8'))).toMatchObject({ 'current-context': current });
  });

  it('begins a file, and the folder it is in', async () => {
    const path = join(fresh(), '.kube', 'config');
    await overcast(merge, answers, { kubeconfig: path });
    expect(contextsIn(path)).toEqual(['four-clouds']);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it.each([
    ['to a file', theirs],
    ['to nothing yet', undefined],
  ])('follows a link %s', async (_, text) => {
    const path = fresh(text);
    const link = fresh();
    symlinkSync(path, link);
    await overcast(merge, answers, { kubeconfig: link });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(contextsIn(path)).toEqual(['four-clouds']);
  });

  it('goes to a file of its own, and again', async () => {
    const path = fresh();
    for (let times = 0; times < 2; times += 1) {
      expect(await overcast(['kubeconfig', 'four-clouds', '--output-file', path], answers)).toMatchObject({
        exitCode: 0,
        err: '',
      });
    }
    expect(readFileSync(path, 'utf8')).toBe(issued);
  });

  it.each<[string, string, readonly string[], string, RegExp]>([
    [
      'over somebody’s own file',
      theirs,
      ['--output-file'],
      theirs,
      /has more than Overcast's clusters: --merge/,
    ],
    [
      'into what is no kubeconfig',
      '- a list\n',
      ['--merge', '--output-file'],
      '- a list\n',
      /not a kubeconfig/,
    ],
    [
      'over a cluster of that name that is not ours',
      theirs.replace('work', 'four-clouds'),
      ['--merge', '--output-file'],
      theirs.replace('work', 'four-clouds'),
      /already has "four-clouds"/,
    ],
  ])('is not written %s', async (_, before, options, after, message) => {
    const path = fresh(before);
    const { exitCode, out, err } = await overcast(['kubeconfig', 'four-clouds', ...options, path], answers);
    expect([exitCode, out]).toEqual([exitCodes.usage, '']);
    expect(err).toMatch(message);
    expect(err).toContain(path);
    expect(err).not.toContain('https://');
    expect(readFileSync(path, 'utf8')).toBe(after);
    expect(readdirSync(dirname(path))).toEqual(['config']);
  });

  it('waits for kubectl, and says so when that takes long', async () => {
    const path = fresh(theirs);
    writeFileSync(`${path}.lock`, '');
    const { exitCode, err } = await overcast(merge, answers, { kubeconfig: path });
    expect(exitCode).toBe(exitCodes.usage);
    expect(err).toContain(`${path}.lock is there`);
    expect(readFileSync(path, 'utf8')).toBe(theirs);
  });

  it('--use alone has nothing to use', async () => {
    const { exitCode, err, calls } = await overcast(['kubeconfig', 'four-clouds', '--use'], answers);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('--use goes with --merge') as string]);
    expect(calls).toEqual([]);
  });

  it('that the API refuses is refused in its words', async () => {
    const refused = problem({ status: 409, detail: 'the cluster four-clouds has no Kubernetes API yet' });
    const { exitCode, out, err } = await overcast(['kubeconfig', 'four-clouds'], {
      [route]: [{ status: 409, body: refused }],
    });
    expect([exitCode, out]).toEqual([exitCodes.refused, '']);
    expect(err).toContain('has no Kubernetes API yet');
  });
});
