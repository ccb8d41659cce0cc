/** What was wrong, field by field, as `kubectl` prints it. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural, as Kubernetes has it here. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** What a request is about; `group` is empty for the core group. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
}

/** A refusal as Kubernetes words it: thrown anywhere, answered as a `Status`. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails;

  constructor(code: number, reason: string, message: string, details: StatusDetails = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export const isApiError = (error: unknown, reason?: string): error is ApiError =>
  error instanceof ApiError && (reason === undefined || error.reason === reason);

/** `pods`, `deployments.apps`: how Kubernetes names a resource in its messages. */
export const resourceName = ({ group, plural }: Subject): string =>
  group === '' ? plural : `${plural}.${group}`;

const about = (subject: Subject, name: string | undefined): StatusDetails => ({
  ...(name === undefined || name === '' ? {} : { name }),
  ...(subject.group === '' ? {} : { group: subject.group }),
  kind: subject.plural,
});

export const notFound = (subject: Subject, name: string): ApiError =>
  new ApiError(404, 'NotFound', `${resourceName(subject)} "${name}" not found`, about(subject, name));

/** The path itself leads nowhere: kubectl takes it for "this server does not have that resource". */
export const noSuchPath = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource');

export const alreadyExists = (subject: Subject, name: string): ApiError =>
  new ApiError(
    409,
    'AlreadyExists',
    `${resourceName(subject)} "${name}" already exists`,
    about(subject, name),
  );

export const conflict = (subject: Subject, name: string, why: string, causes?: readonly Cause[]): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resourceName(subject)} "${name}": ${why}`,
    { ...about(subject, name), ...(causes === undefined ? {} : { causes }) },
  );

/** Someone else wrote since the caller read. */
export const staleWrite = (subject: Subject, name: string): ApiError =>
  conflict(
    subject,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

/** Server-side apply met fields that other managers own. */
export const applyConflict = (causes: readonly Cause[]): ApiError => {
  const list = causes.map(({ message, field }) => `${message}: ${field ?? ''}`);
  const text =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${list[0] ?? ''}`
      : `Apply failed with ${causes.length} conflicts: ${list.join('; ')}`;
  return new ApiError(409, 'Conflict', text, { causes });
};

export const invalid = (
  kind: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly Cause[],
): ApiError => {
  const list = causes.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`));
  const text = list.length === 1 ? list[0] : `[${list.join(', ')}]`;
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new ApiError(422, 'Invalid', `${subject} "${name}" is invalid: ${text ?? ''}`, {
    ...about({ group: kind.group, plural: kind.kind }, name),
    causes,
  });
};

export const required = (field: string, detail = ''): Cause => ({
  reason: 'FieldValueRequired',
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
  field,
});

export const invalidValue = (field: string, value: unknown, detail: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
  field,
});

export const forbidden = (subject: Subject, name: string, why: string, causes?: readonly Cause[]): ApiError =>
  new ApiError(
    403,
    'Forbidden',
    name === ''
      ? `${resourceName(subject)} is forbidden: ${why}`
      : `${resourceName(subject)} "${name}" is forbidden: ${why}`,
    { ...about(subject, name), ...(causes === undefined ? {} : { causes }) },
  );

export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized');

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);

export const methodNotAllowed = (): ApiError =>
  new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');

export const unsupportedMediaType = (message: string): ApiError =>
  new ApiError(415, 'UnsupportedMediaType', message);

/** The watched version is no longer remembered: list again. */
export const expired = (message: string): ApiError => new ApiError(410, 'Expired', message);

/** Refused for now, most often by a disruption budget. */
export const tooManyRequests = (
  message: string,
  retryAfterSeconds: number,
  causes?: readonly Cause[],
): ApiError =>
  new ApiError(429, 'TooManyRequests', message, {
    ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
    ...(causes === undefined ? {} : { causes }),
  });

export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** Anything that is not an `ApiError` is a mistake of ours: 500, without its inner text. */
export function statusOf(error: unknown): Status & { readonly code: number } {
  const { code, reason, message, details } = isApiError(error)
    ? error
    : new ApiError(500, 'InternalError', 'Internal error occurred');
  const failure = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' } as const;
  return { ...failure, message, reason, ...(Object.keys(details).length > 0 ? { details } : {}), code };
}
