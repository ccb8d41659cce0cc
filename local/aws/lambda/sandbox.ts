import { Worker } from 'node:worker_threads';
import { compileCacheFolder } from './compile-cache.ts';
import type { FunctionConfiguration, FunctionFailure, Outcome } from './function.ts';
import type { Invocation, ThreadData, ThreadMessage } from './messages.ts';

/** One warm worker thread of one function; it takes one invocation at a time. */
export interface Sandbox {
  readonly configuration: FunctionConfiguration;
  /** False once its thread is gone: timed out, out of memory, exited. */
  readonly alive: boolean;
  /** Settles when the thread has loaded its function, or is gone. */
  readonly loaded: Promise<void>;
  invoke(requestId: string, payload: string): Promise<Outcome>;
  terminate(): Promise<void>;
}

/** Generous: Lambda allows 10 s of init, and here several functions may start at once on two cores. */
const initMillisecondsMax = 30_000;
/** Lambda's limit on a synchronous answer. */
const answerBytesMax = 6 * 1024 * 1024;

/**
 * What goes wrong inside stays inside: endless loops, `process.exit`, rejections, and memory, unless it is asked for in
 * one piece larger than V8's slack (tens of MB), which ends the whole process.
 */
export function startSandbox(
  configuration: FunctionConfiguration,
  log: (source: string, line: string) => void,
): Sandbox {
  const { name, timeoutMs } = configuration;
  const data: ThreadData = {
    folder: configuration.folder,
    handler: configuration.handler,
    name,
    arn: configuration.arn,
    memoryMb: configuration.memoryMb,
    compileCacheFolder,
  };
  const worker = new Worker(new URL('./sandbox-thread.js', import.meta.url), {
    workerData: data,
    env: { ...configuration.environment },
    // Nothing of the platform's own process comes along: no flags, no environment.
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: configuration.memoryMb, maxYoungGenerationSizeMb: 16 },
  });
  eachLine(worker.stdout, (line) => log(configuration.logicalId, line));
  eachLine(worker.stderr, (line) => log(configuration.logicalId, line));

  const loaded = Promise.withResolvers<void>();
  let alive = true;
  let ready = false;
  let current: { requestId: string; settle: (outcome: Outcome) => void; timer: NodeJS.Timeout } | undefined;
  let died: FunctionFailure | undefined;

  const settle = (outcome: Outcome): void => {
    if (current === undefined) return;
    clearTimeout(current.timer);
    const { settle: done } = current;
    current = undefined;
    done(outcome);
  };
  const stop = async (failure: FunctionFailure): Promise<void> => {
    alive = false;
    died ??= failure;
    settle({ ok: false, failure });
    await worker.terminate();
  };
  const limit = (milliseconds: number, failure: () => FunctionFailure): NodeJS.Timeout =>
    setTimeout(() => void stop(failure()), milliseconds);
  const timedOut = (): FunctionFailure => ({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${current?.requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  });

  worker.on('message', (message: ThreadMessage) => {
    if (message.kind === 'ready') {
      ready = true;
      loaded.resolve();
      // The function's own timeout begins after init, as in Lambda.
      if (current !== undefined) {
        clearTimeout(current.timer);
        current.timer = limit(timeoutMs, timedOut);
      }
    } else if (message.requestId === current?.requestId) {
      const tooLarge = message.outcome.ok && Buffer.byteLength(message.outcome.payload) > answerBytesMax;
      settle(
        tooLarge
          ? {
              ok: false,
              failure: {
                errorType: 'Function.ResponseSizeTooLarge',
                errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
              },
            }
          : message.outcome,
      );
    }
  });
  worker.on('error', (error: unknown) => {
    alive = false;
    const code = (error as { code?: string }).code;
    died =
      code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? {
            errorType: 'Runtime.OutOfMemory',
            errorMessage: `RequestId: ${current?.requestId} Error: Runtime exited with error: signal: killed`,
          }
        : {
            errorType: 'Runtime.UnhandledPromiseRejection',
            errorMessage: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
            trace: error instanceof Error ? (error.stack ?? '').split('\n') : [],
          };
    log(configuration.logicalId, `${died.errorType}: ${died.errorMessage}`);
  });
  worker.on('exit', (code) => {
    alive = false;
    loaded.resolve();
    died ??= {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${current?.requestId} Error: Runtime exited ${code === 0 ? 'without providing a reason' : `with error: exit status ${code}`}`,
    };
    settle({ ok: false, failure: died });
  });

  return {
    configuration,
    loaded: loaded.promise,
    get alive() {
      return alive;
    },
    invoke: (requestId, payload) =>
      new Promise<Outcome>((resolve) => {
        if (!alive) {
          resolve({
            ok: false,
            failure: died ?? { errorType: 'Runtime.ExitError', errorMessage: 'the sandbox is gone' },
          });
          return;
        }
        const timer = ready
          ? limit(timeoutMs, timedOut)
          : limit(initMillisecondsMax, () => ({
              errorType: 'Sandbox.Timedout',
              errorMessage: `RequestId: ${requestId} Error: Init did not end within ${initMillisecondsMax / 1000} s`,
            }));
        current = { requestId, settle: resolve, timer };
        const invocation: Invocation = { requestId, payload, timeoutMs };
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
        worker.postMessage(invocation);
      }),
    terminate: () => stop({ errorType: 'Runtime.ExitError', errorMessage: 'the platform stopped' }),
  };
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
