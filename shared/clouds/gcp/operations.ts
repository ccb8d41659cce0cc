import type { protos } from '@google-cloud/compute';
import { OperationFailure } from './failures.ts';
import { all, onePageAtATime, pageSize } from './lists.ts';
import type { Clients } from './clients.ts';

type IOperation = protos.google.cloud.compute.v1.IOperation;

/** As much of an operation as anybody here looks at. */
export interface SeenOperation {
  readonly type: string;
  readonly done: boolean;
  /** The request's id, given back as `clientOperationId`. */
  readonly requestId: string;
  /** Epoch milliseconds; NaN while it runs. */
  readonly endedAt: number;
  readonly failure: OperationFailure | undefined;
}

export function seen(operation: IOperation): SeenOperation {
  const error = operation.error?.errors?.[0];
  return {
    type: operation.operationType ?? '',
    done: operation.status === 'DONE',
    requestId: operation.clientOperationId ?? '',
    endedAt: Date.parse(operation.endTime ?? ''),
    failure:
      error === undefined
        ? undefined
        : new OperationFailure(error.code ?? 'UNKNOWN', error.message ?? 'the operation failed'),
  };
}

/** A change's answer: GCE may have found it impossible already. */
export function begun(answer: [{ readonly latestResponse?: unknown }, ...unknown[]]): void {
  const { failure } = seen(answer[0].latestResponse ?? {});
  if (failure !== undefined) throw failure;
}

/** What was ever done to machines of this name in this zone; kept by GCE for at least 14 days. */
export async function machineOperations(
  clients: Clients,
  zone: string,
  name: string,
): Promise<SeenOperation[]> {
  const listed = await all(
    clients.zoneOperations.listAsync(
      {
        project: clients.project,
        zone,
        // The literal is a regular expression that must match the whole field.
        filter: `targetLink eq ".*/zones/${zone}/instances/${name}"`,
        maxResults: pageSize,
      },
      onePageAtATime,
    ),
  );
  return listed.map(seen);
}

/** Unfinished business older than this is nobody's answer any more: the change is simply tried again. */
const reportedForMilliseconds = 30_000;

/** The newest failure of those that ended just now: what became of an insert that was accepted a moment ago. */
export function freshFailure(
  operations: readonly SeenOperation[],
  now: number,
): OperationFailure | undefined {
  return operations
    .filter((one) => one.type === 'insert' && one.failure !== undefined)
    .filter((one) => now - one.endedAt < reportedForMilliseconds)
    .sort((a, b) => b.endedAt - a.endedAt)[0]?.failure;
}

/** Inserts of a cluster's network parts: they too can be accepted and fail, on a quota for one. */
export async function networkOperations(
  clients: Clients,
  region: string,
  base: string,
): Promise<SeenOperation[]> {
  const request = { project: clients.project, filter: `targetLink eq ".*/${base}.*"`, maxResults: pageSize };
  const [global, regional] = await Promise.all([
    all(clients.globalOperations.listAsync(request, onePageAtATime)),
    all(clients.regionOperations.listAsync({ ...request, region }, onePageAtATime)),
  ]);
  return [...global, ...regional].map(seen);
}
