import { setTimeout as delay } from 'node:timers/promises';
import type { SnapshotObject } from '../domain/snapshot.ts';
import type { PresignUrl } from './presigned-url.ts';

/** The installation's bucket, as far as the platform itself reaches into it. */
export interface SnapshotObjects {
  /** Everything whose key begins so, on however many pages. */
  list(prefix: string): Promise<readonly SnapshotObject[]>;
  /** What is not there counts as done. */
  remove(key: string): Promise<void>;
}

const triesMax = 3;
const pauseMilliseconds = 200;
const callSecondsMax = 8;
const pagesMax = 100;

/** Our own keys have no character that XML would write otherwise. */
const textIn = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

/** @throws an Error with S3's own code for what it refused, or did not answer three times. */
export function createSnapshotObjects(presign: PresignUrl): SnapshotObjects {
  async function call(request: Omit<Parameters<PresignUrl>[0], 'secondsMax'>): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      const url = await presign({ ...request, secondsMax: 60 });
      const answer = await fetch(url, {
        method: request.method,
        signal: AbortSignal.timeout(callSecondsMax * 1000),
      }).then(
        async (response) => ({ status: response.status, text: await response.text() }),
        // The error may quote the URL.
        (error: unknown) => ({ status: 0, text: error instanceof Error ? error.name : 'no answer' }),
      );
      if (answer.status >= 200 && answer.status < 300) return answer.text;
      const isTransient = answer.status === 0 || answer.status === 429 || answer.status >= 500;
      if (!isTransient || tries === triesMax)
        throw new Error(
          `S3 ${request.method}: ${answer.status} ${textIn(answer.text, 'Code') ?? answer.text.slice(0, 100)}`,
        );
      await delay(pauseMilliseconds * 2 ** tries);
    }
  }

  return {
    async list(prefix) {
      const found: SnapshotObject[] = [];
      let token: string | undefined;
      for (let page = 0; page < pagesMax; page += 1) {
        const xml = await call({
          method: 'GET',
          query: {
            'list-type': '2',
            prefix,
            ...(token !== undefined && { 'continuation-token': token }),
          },
        });
        for (const [, contents = ''] of xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
          const key = textIn(contents, 'Key');
          if (key !== undefined) found.push({ key, sizeBytes: Number(textIn(contents, 'Size') ?? 0) });
        }
        token = textIn(xml, 'NextContinuationToken');
        if (token === undefined) return found;
      }
      throw new Error(`S3 lists more than ${pagesMax} pages under ${prefix}`);
    },
    async remove(key) {
      await call({ method: 'DELETE', key });
    },
  };
}
