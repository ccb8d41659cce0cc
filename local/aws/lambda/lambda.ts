import { randomUUID } from 'node:crypto';
import { lastPart } from '../addresses.ts';
import { matchesWildcard } from '../iam/wildcard.ts';
import { AwsError } from '../wire.ts';
import type { FunctionConfiguration, Outcome } from './function.ts';
import { createPool, type Pool, type PoolLimits } from './pool.ts';

/** What the template's AWS::Lambda::Permission resources let other services do. */
export interface InvokePermission {
  readonly functionArn: string;
  readonly principal: string;
  readonly sourceArn?: string;
}

export interface Lambda {
  readonly functions: readonly FunctionConfiguration[];
  /** @param id name, ARN, or logical id. @throws ResourceNotFoundException */
  find(id: string): FunctionConfiguration;
  /** @throws TooManyRequestsException over the reserved concurrency; RequestTooLargeException over 6 MB */
  invoke(configuration: FunctionConfiguration, payload: string, requestId?: string): Promise<Outcome>;
  /** Whether a service may call the function for one of its resources. */
  permits(functionArn: string, principal: string, sourceArn: string): boolean;
  readonly load: Pool['load'];
  close(): Promise<void>;
}

/** Lambda's limit on a synchronous request. */
const requestBytesMax = 6 * 1024 * 1024;

export function createLambda(options: {
  readonly functions: readonly FunctionConfiguration[];
  readonly permissions: readonly InvokePermission[];
  readonly limits: PoolLimits;
  readonly log: (source: string, line: string) => void;
}): Lambda {
  const { functions, permissions, log } = options;
  const pool = createPool(options.limits, log);
  const byId = new Map(
    functions.flatMap((each) => [each.name, each.arn, each.logicalId].map((id) => [id, each] as const)),
  );

  const find = (id: string): FunctionConfiguration => {
    const unqualified = id.replace(/:\$LATEST$/, '');
    const found =
      byId.get(unqualified) ?? (unqualified.includes(':') ? byId.get(lastPart(unqualified)) : undefined);
    if (found === undefined)
      throw new AwsError('ResourceNotFoundException', `Function not found: ${id}`, 404);
    return found;
  };

  return {
    functions,
    find,
    invoke: async (configuration, payload, requestId = randomUUID()) => {
      if (Buffer.byteLength(payload) > requestBytesMax)
        throw new AwsError(
          'RequestTooLargeException',
          `${Buffer.byteLength(payload)} byte payload is too large`,
          413,
        );
      const reserved = configuration.reservedConcurrency;
      if (reserved !== undefined && pool.concurrency(configuration) >= reserved)
        throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
      const outcome = await pool.run(configuration, requestId, payload);
      if (!outcome.ok)
        log(configuration.logicalId, `failed: ${outcome.failure.errorType}: ${outcome.failure.errorMessage}`);
      return outcome;
    },
    permits: (functionArn, principal, sourceArn) =>
      permissions.some(
        (each) =>
          each.functionArn === functionArn &&
          each.principal === principal &&
          (each.sourceArn === undefined || matchesWildcard(each.sourceArn, sourceArn)),
      ),
    get load() {
      return pool.load;
    },
    close: () => pool.close(),
  };
}
