/** One function as its template configures it. */
export interface FunctionConfiguration {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** The unpacked bundle. */
  readonly folder: string;
  /** `index.handler` */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** Everything that `process.env` holds in the function. */
  readonly environment: Readonly<Record<string, string>>;
  /** As in AWS: more at the same time are throttled. */
  readonly reservedConcurrency?: number;
}

/** What Lambda answers when a function failed. `errorType` is the error's name: state machines match on it. */
export interface FunctionFailure {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** `payload` is JSON text, as it goes over the wire. */
export type Outcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly failure: FunctionFailure };

/** A function's own failure, as an error whose name is its `errorType`. */
export class FunctionError extends Error {
  readonly failure: FunctionFailure;
  constructor(failure: FunctionFailure) {
    super(failure.errorMessage);
    this.name = failure.errorType;
    this.failure = failure;
  }
}
