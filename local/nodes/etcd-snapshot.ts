import { gzipSync } from 'node:zlib';
import type { SyncRequest } from '../../shared/domain/node-protocol.ts';

const uploadSecondsMax = 600;

/**
 * What `etcdctl snapshot save` and curl do on a real machine: the cluster's objects, as JSON under gzip, are put where the
 * URL says. The URL is a secret and stands in no answer.
 *
 * @throws only when the machine's power goes
 */
export async function uploadSnapshot(
  url: string,
  objects: readonly (readonly [key: string, object: unknown])[],
  signal: AbortSignal,
): Promise<Omit<NonNullable<SyncRequest['result']>, 'instructionId'>> {
  const body = gzipSync(JSON.stringify({ objects }));
  try {
    const response = await fetch(url, {
      method: 'PUT',
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(uploadSecondsMax * 1000)]),
    });
    const text = await response.text();
    return response.ok
      ? { ok: true }
      : { ok: false, output: `the upload was refused: ${response.status} ${text.slice(0, 200)}` };
  } catch (error) {
    if (signal.aborted) throw error;
    return { ok: false, output: 'the upload was cut off' };
  }
}
