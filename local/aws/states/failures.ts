/**
 * An error inside an execution, as the states language knows it: a name that Retry and Catch match, and a cause in words.
 * `location` is set when a JSONata expression was the reason: the field it stood in.
 */
export class StateFailure extends Error {
  readonly error: string;
  readonly detail: string;
  readonly location: string | undefined;

  constructor(error: string, detail: string, location?: string) {
    super(`${error}: ${detail}`);
    this.name = 'StateFailure';
    this.error = error;
    this.detail = detail;
    this.location = location;
  }
}

/** The 25,001st event was to be written: nothing in the definition can catch that. */
export class HistoryFull extends Error {
  override readonly name = 'HistoryFull';
}

/** An API call that is refused; `name` is the exception's name as the AWS API spells it. */
export const refusal = (name: string, message: string): Error => Object.assign(new Error(message), { name });

/** Nothing catches these but their own name, and `States.Runtime` not even that. */
const terminal = new Set(['States.Runtime', 'States.DataLimitExceeded']);
const timeouts = new Set(['States.Timeout', 'States.HeartbeatTimeout']);

/** Whether an `ErrorEquals` list names this error, with AWS's rules for the wildcards. */
export function namesError(errorEquals: readonly string[], error: string): boolean {
  if (error === 'States.Runtime') return false;
  return errorEquals.some((name) => {
    if (name === error) return true;
    if (name === 'States.ALL') return !terminal.has(error);
    if (name === 'States.TaskFailed') return !terminal.has(error) && !timeouts.has(error);
    return name === 'States.Timeout' && timeouts.has(error);
  });
}

/** What a rejected invocation becomes: the Lambda function's error type, and the JSON that Lambda answers with as cause. */
export function failureOfInvocation(thrown: unknown): StateFailure {
  if (!(thrown instanceof Error)) {
    return new StateFailure(
      'Error',
      JSON.stringify({ errorType: 'Error', errorMessage: String(thrown), trace: [] }),
    );
  }
  const trace = (thrown.stack ?? '').split('\n').map((line) => line.trim());
  const cause =
    typeof thrown.cause === 'string'
      ? thrown.cause
      : JSON.stringify({ errorType: thrown.name, errorMessage: thrown.message, trace });
  return new StateFailure(thrown.name, cause);
}
