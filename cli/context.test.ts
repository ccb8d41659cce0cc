import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configPath, currentContext, saveContext } from './context.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'overcast-cli-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});
const home = (): Record<string, string> => ({ XDG_CONFIG_HOME: folder });
const local = { url: 'http://127.0.0.1:4680', apiKey: 'oc_local' };
const remote = { url: 'https://api.example.com', apiKey: 'oc_remote' };

describe('the current installation', () => {
  it('is the one that was saved last', () => {
    saveContext(home(), 'remote', remote);
    saveContext(home(), 'local', local);
    expect(currentContext(home())).toEqual(local);
  });

  it('is what the environment says', () => {
    saveContext(home(), 'local', local);
    expect(currentContext({ ...home(), OVERCAST_URL: remote.url, OVERCAST_API_KEY: remote.apiKey })).toEqual(
      remote,
    );
  });

  it('may be half from the environment', () => {
    saveContext(home(), 'local', local);
    expect(currentContext({ ...home(), OVERCAST_API_KEY: 'oc_other' })).toEqual({
      ...local,
      apiKey: 'oc_other',
    });
  });

  it('saving one keeps the others', () => {
    saveContext(home(), 'remote', remote);
    saveContext(home(), 'local', local);
    expect(JSON.parse(readFileSync(configPath(home()), 'utf8'))).toEqual({
      current: 'local',
      contexts: { remote, local },
    });
  });

  it('without any, says how to come by one', () => {
    expect(() => currentContext(home())).toThrow(/npm start.*OVERCAST_URL and OVERCAST_API_KEY/);
    expect(() => currentContext({ ...home(), OVERCAST_URL: remote.url })).toThrow(/OVERCAST_API_KEY/);
  });

  it('in a file that is broken, names the file', () => {
    saveContext(home(), 'local', local);
    writeFileSync(configPath(home()), '{');
    expect(() => currentContext(home())).toThrow(`${configPath(home())} is not JSON`);
  });
});

describe('the file', () => {
  it('is its owner’s alone, also when it was not before', () => {
    const path = saveContext(home(), 'local', local);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    rmSync(path);
    writeFileSync(path, '{}', { mode: 0o644 });
    saveContext(home(), 'local', local);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
