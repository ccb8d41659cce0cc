import type { Outcome } from './function.ts';

/** What a worker thread is told at its start. */
export interface ThreadData {
  readonly folder: string;
  readonly handler: string;
  readonly name: string;
  readonly arn: string;
  readonly memoryMb: number;
  readonly compileCacheFolder: string;
}

export interface Invocation {
  readonly requestId: string;
  readonly payload: string;
  readonly timeoutMs: number;
}

export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly requestId: string; readonly outcome: Outcome };
