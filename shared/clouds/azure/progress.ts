import type { Progress } from '../contract.ts';

export const pending = (
  waitingFor: string,
  retryAfterSeconds: number,
): Extract<Progress<never>, { done: false }> => ({ done: false, retryAfterSeconds, waitingFor });
