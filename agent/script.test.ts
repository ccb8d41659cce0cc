import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { deliverable, delivered } from './deliver.ts';
import { agentScript } from './testing/machine.ts';
import { needs } from './testing/needs.ts';

const script = readFileSync(agentScript, 'utf8');
const carried = (): string => gunzipSync(Buffer.from(deliverable(script), 'base64')).toString();
/** Of AWS's 16 KiB: the settings and cloud-init's own words are 950 bytes with the longest names, and some are kept back. */
const bytesMax = 14.5 * 1024;

describe('the script', () => {
  it('has nothing that shellcheck finds', () => {
    needs('shellcheck');
    for (const input of [script, delivered(script)])
      execFileSync('shellcheck', ['--shell=sh', '--severity=style', '-'], { input, stdio: 'pipe' });
  });
  it('fits into user-data, without its comments, compressed and in base64', () => {
    expect(deliverable(script).length).toBeLessThan(bytesMax);
    expect(deliverable(script)).toBe(deliverable(script));
  });
  it('is still the same script to sh and python when it arrives', () => {
    execFileSync('sh', ['-n'], { input: carried(), stdio: 'pipe' });
    const program = /^program='\n([\s\S]*?)^'$/m;
    expect(program.exec(carried())?.[1]).toBe(program.exec(script)?.[1]);
  });
});
