import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome } from './function.ts';

/** Runs inside the worker thread: what Lambda's runtime does inside its sandbox. */
export interface ThreadData {
  readonly folder: string;
  readonly handler: string;
  readonly name: string;
  readonly arn: string;
  readonly memoryMb: number;
}
export interface Invocation {
  readonly requestId: string;
  readonly payload: string;
  readonly timeoutMs: number;
}
export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly requestId: string; readonly outcome: Outcome };

type Handler = (event: unknown, context: unknown) => unknown;

const data = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('this file is the inside of a worker thread');
const say = (message: ThreadMessage): void => port.postMessage(message);

const failed = (thrown: unknown): Outcome => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    ok: false,
    failure: {
      errorType: error.name,
      errorMessage: error.message,
      trace: (error.stack ?? '').split('\n').slice(0, 20),
    },
  };
};

const load = async (): Promise<Handler> => {
  const dot = data.handler.lastIndexOf('.');
  const [file, name] = [data.handler.slice(0, dot), data.handler.slice(dot + 1)];
  const path = ['mjs', 'js', 'cjs']
    .map((extension) => join(data.folder, `${file}.${extension}`))
    .find((each) => existsSync(each));
  if (path === undefined)
    throw Object.assign(new Error(`Cannot find module '${file}' in ${data.folder}`), {
      name: 'Runtime.ImportModuleError',
    });
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const handler = module[name];
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${data.handler} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    });
  return handler as Handler;
};

const answer = async (handler: Handler, { requestId, payload, timeoutMs }: Invocation): Promise<Outcome> => {
  const deadline = Date.now() + timeoutMs;
  try {
    const result = await handler(JSON.parse(payload), {
      awsRequestId: requestId,
      functionName: data.name,
      functionVersion: '$LATEST',
      invokedFunctionArn: data.arn,
      memoryLimitInMB: String(data.memoryMb),
      logGroupName: `/aws/lambda/${data.name}`,
      logStreamName: 'local',
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    });
    return { ok: true, payload: JSON.stringify(result) ?? 'null' };
  } catch (error) {
    return failed(error);
  }
};

// A module that cannot be loaded fails every invocation, as in Lambda, but leaves no half-started thread behind.
const loaded = load();
loaded.then(
  () => say({ kind: 'ready' }),
  () => say({ kind: 'ready' }),
);
port.on('message', (invocation: Invocation) => {
  void loaded.then(
    async (handler) =>
      say({ kind: 'done', requestId: invocation.requestId, outcome: await answer(handler, invocation) }),
    (error: unknown) => say({ kind: 'done', requestId: invocation.requestId, outcome: failed(error) }),
  );
});
