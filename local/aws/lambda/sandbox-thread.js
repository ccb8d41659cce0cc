// @ts-check
/**
 * Runs inside the worker thread: what Lambda's runtime does inside its sandbox. Plain JavaScript, because a thread that
 * begins with TypeScript first loads what strips its types, which takes longer than to load most functions.
 */
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/** @import { Outcome } from './function.ts' */
/** @import { Invocation, ThreadData, ThreadMessage } from './messages.ts' */
/** @typedef {(event: unknown, context: unknown) => unknown} Handler */

const data = /** @type {ThreadData} */ (workerData);
enableCompileCache(data.compileCacheFolder);
const port = parentPort;
if (port === null) throw new Error('this file is the inside of a worker thread');
/** @type {(message: ThreadMessage) => void} */
const say = (message) => port.postMessage(message);

/** @type {(thrown: unknown) => Outcome} */
const failed = (thrown) => {
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

/** @type {() => Promise<Handler>} */
const load = async () => {
  const dot = data.handler.lastIndexOf('.');
  const [file, name] = [data.handler.slice(0, dot), data.handler.slice(dot + 1)];
  const path = ['mjs', 'js', 'cjs']
    .map((extension) => join(data.folder, `${file}.${extension}`))
    .find((each) => existsSync(each));
  if (path === undefined)
    throw Object.assign(new Error(`Cannot find module '${file}' in ${data.folder}`), {
      name: 'Runtime.ImportModuleError',
    });
  const module = /** @type {Record<string, unknown>} */ (await import(pathToFileURL(path).href));
  const handler = module[name];
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${data.handler} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    });
  return /** @type {Handler} */ (handler);
};

/** @type {(handler: Handler, invocation: Invocation) => Promise<Outcome>} */
const answer = async (handler, { requestId, payload, timeoutMs }) => {
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
port.on('message', (/** @type {Invocation} */ invocation) => {
  void loaded.then(
    async (handler) =>
      say({ kind: 'done', requestId: invocation.requestId, outcome: await answer(handler, invocation) }),
    (/** @type {unknown} */ error) =>
      say({ kind: 'done', requestId: invocation.requestId, outcome: failed(error) }),
  );
});
