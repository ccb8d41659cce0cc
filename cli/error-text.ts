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
    // A detail that only strings the fields together says nothing that they do not say better.
    const { title, detail, errors = [] } = error.problem;
    const isRepeated = errors.length > 0 && errors.every(({ message }) => detail.includes(message));
    return {
      text: [`error: ${isRepeated ? title : detail}${request}`, ...fields].join('\n'),
      exitCode: exitCodes.refused,
    };
  }
  if (error instanceof UsageError) return { text: `error: ${error.message}`, exitCode: exitCodes.usage };
  return {
    text: `error: ${error instanceof Error ? error.message : String(error)}`,
    exitCode: exitCodes.refused,
  };
}
