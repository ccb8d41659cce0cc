import type { Progress, Stranger } from '../contract.ts';

type Pending = Extract<Progress<never>, { done: false }>;

export const pending = (waitingFor: string, retryAfterSeconds: number): Pending => ({
  done: false,
  retryAfterSeconds,
  waitingFor,
});

export const blocked = (blockedBy: readonly Stranger[], retryAfterSeconds: number): Pending => ({
  ...pending(`strangers to leave: ${blockedBy.map(({ id }) => id).join(', ')}`, retryAfterSeconds),
  blockedBy,
});
