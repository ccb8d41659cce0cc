import { gunzipSync, gzipSync } from 'node:zlib';
import type { SyncRequest } from '../../shared/domain/node-protocol.ts';
import { KubeadmFailed } from './kubeadm-failed.ts';
import type { StoredObjects } from './kubernetes/clusters.ts';

const transferSecondsMax = 600;

/**
 * What `etcdctl snapshot save` and curl do on a real machine: the cluster's objects, as JSON under gzip, are put where the
 * URL says. The URL is a secret and stands in no answer.
 *
 * @throws only when the machine's power goes
 */
export async function uploadSnapshot(
  url: string,
  objects: StoredObjects,
  signal: AbortSignal,
): Promise<Omit<NonNullable<SyncRequest['result']>, 'instructionId'>> {
  const body = gzipSync(JSON.stringify({ objects }));
  try {
    const response = await fetch(url, {
      method: 'PUT',
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(transferSecondsMax * 1000)]),
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

/**
 * The way back: what an earlier upload put there.
 *
 * @throws KubeadmFailed when it is not to be had, or is no snapshot; something else only when the machine's power goes
 */
export async function downloadSnapshot(url: string, signal: AbortSignal): Promise<StoredObjects> {
  let response: Response;
  let bytes: Buffer;
  try {
    response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(transferSecondsMax * 1000)]),
    });
    bytes = Buffer.from(await response.arrayBuffer());
  } catch (error) {
    if (signal.aborted) throw error;
    throw new KubeadmFailed('the download was cut off');
  }
  if (!response.ok) throw new KubeadmFailed(`the download was refused: ${response.status}`);
  try {
    return (JSON.parse(gunzipSync(bytes).toString()) as { objects: StoredObjects }).objects;
  } catch {
    throw new KubeadmFailed('Error: snapshot missing hash but --skip-hash-check=false');
  }
}
