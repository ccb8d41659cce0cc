/** What a state machine's polling loop reads: not done yet, when to ask again, and for people what is waited for. */
export interface Pending {
  readonly done: false;
  readonly retryAfterSeconds: number;
  readonly waitingFor: string;
}

export const pending = (waitingFor: string, retryAfterSeconds = 5): Pending => ({
  done: false,
  retryAfterSeconds,
  waitingFor,
});
