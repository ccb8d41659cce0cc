import { ApiError } from './api-client.ts';
import { exitCodes } from './commands.ts';
import { UsageError } from './context.ts';

/** What went wrong, for people: each field that is wrong, and what is allowed there. */
export function errorText(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof ApiError) {
    const fields = (error.problem.errors ?? []).map(
      ({ field, message, allowed }) =>
        `  ${field}: ${message}${allowed === undefined ? '' : ` (allowed: ${allowed.join(', ')})`}`,
    );
    const request = error.problem.requestId === '' ? '' : `  (request ${error.problem.requestId})`;
    return {
      text: [`error: ${error.problem.detail}${request}`, ...fields].join('\n'),
      exitCode: exitCodes.refused,
    };
  }
  if (error instanceof UsageError) return { text: `error: ${error.message}`, exitCode: exitCodes.usage };
  return {
    text: `error: ${error instanceof Error ? error.message : String(error)}`,
    exitCode: exitCodes.refused,
  };
}
