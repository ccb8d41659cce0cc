import { createHash, randomUUID } from 'node:crypto';
import { createApp } from '../../functions/serve-api/app.ts';
import type { ProblemDocument } from '../../shared/domain/api-types.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import type { AuditEntry } from '../../shared/runtime/table.ts';
import { exampleTime } from './cluster.ts';
import { recordingBus, silentLog, testClock, type RecordingBus, type TestClock } from './platform.ts';
import { startTestStore, type TestStore } from './store.ts';

export interface Said<T> {
  readonly status: number;
  readonly json: T & Pick<ProblemDocument, 'detail' | 'errors'>;
  readonly etag: string | null;
}

/** The public API over a table of its own, for a caller who may read and write. */
export interface PeopleApi {
  readonly tests: TestStore;
  readonly bus: RecordingBus;
  readonly clock: TestClock;
  /** What the audit log was given, the oldest first. */
  readonly audit: readonly AuditEntry[];
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the API answers it
  call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Said<T>>;
  close(): Promise<void>;
}

export async function startPeopleApi(): Promise<PeopleApi> {
  const clock = testClock();
  const tests = await startTestStore({ now: clock.now });
  const bus = recordingBus('overcast.serve-api');
  const key = `oc_${'a'.repeat(43)}`;
  const audit: AuditEntry[] = [];
  for (const cloud of cloudNames)
    await tests.store.accounts.put({ cloud, id: 'main', createdAt: exampleTime });
  await tests.store.apiKeys.put({
    hash: createHash('sha256').update(key).digest('hex'),
    name: 'ada',
    scopes: ['read', 'write'],
    createdAt: exampleTime,
  });
  const store = {
    ...tests.store,
    audit: {
      async record(entry: AuditEntry) {
        audit.push(entry);
        await tests.store.audit.record(entry);
      },
    },
  };
  return {
    tests,
    bus,
    clock,
    audit,
    async call(method, path, body, headers = {}) {
      const app = createApp({ store, bus, clock, log: silentLog, newId: randomUUID });
      const response = await app.request(`/v1${path}`, {
        method,
        headers: {
          'x-api-key': key,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return {
        status: response.status,
        json: (await response.json()) as never,
        etag: response.headers.get('etag'),
      };
    },
    close: () => tests.close(),
  };
}
