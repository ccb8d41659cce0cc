import type { FieldError, ProblemDocument } from '../../domain/api-types.ts';

/** A refusal with everything the caller needs to mend it. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly errors: readonly FieldError[];

  constructor(status: number, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'The request is not of its form',
  401: 'No valid API key was given',
  403: 'The API key does not allow this',
  404: 'There is no such thing',
  409: 'This does not fit what is there',
  412: 'This was changed meanwhile',
  413: 'The request is too large',
  415: 'The content type is not understood',
  422: 'The request cannot be carried out as it is',
  428: 'The request has to say what it changes',
};

export const problemDocument = (problem: Problem, requestId: string): ProblemDocument => ({
  type: 'about:blank',
  title: titles[problem.status] ?? 'The request was refused',
  status: problem.status,
  detail: problem.message,
  requestId,
  ...(problem.errors.length === 0 ? {} : { errors: problem.errors }),
});

/** One refusal for all the fields that are wrong, so that people mend them in one go. */
export const invalidFields = (status: 400 | 422, errors: readonly FieldError[]): Problem =>
  new Problem(status, errors.map(({ field, message }) => `${field}: ${message}`).join('; '), errors);
