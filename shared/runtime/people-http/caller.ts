import type { ApiKey } from '../table.ts';

/** Who calls, from where, with which request id: for the audit log and for Idempotency-Key. */
export interface Caller {
  readonly key: ApiKey;
  readonly address: string;
  readonly requestId: string;
}

/** Hono's variables: what authentication leaves for the routes, and routes for the audit log. */
export interface PeopleEnvironment {
  readonly Variables: {
    caller: Caller;
    /** What else is written down of this call. Never a secret. */
    auditDetails?: Readonly<Record<string, string>>;
  };
}
