import type * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import { createAccounts, createSecretsClient } from '../../shared/runtime/accounts.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { OfferingSource } from '../../shared/runtime/cloud.ts';
import { log } from '../../shared/runtime/log.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { refreshOfferings, type RefreshRequest } from './refresh.ts';

/**
 * The hourly schedule, and the rule on ClusterRequested.
 *
 * Environment: TABLE_NAME.
 * Rights: dynamodb GetItem, PutItem, Query on the table; secretsmanager GetSecretValue on `overcast/observers/<cloud>/*` of
 * this cloud alone.
 */
export function refreshFrom<Schema extends z.ZodMiniType>(
  environment: NodeJS.ProcessEnv,
  driver: {
    readonly cloud: CloudName;
    readonly schema: Schema;
    readonly create: (credentials: z.output<Schema>) => OfferingSource;
  },
): (request: RefreshRequest) => Promise<void> {
  const settings = settingsFrom(environment);
  return refreshOfferings({
    cloud: driver.cloud,
    // A source is for one refresh: it may keep a whole price list.
    connect: createAccounts({
      ...driver,
      access: 'look',
      client: createSecretsClient(),
      clock: systemClock,
      keptMs: 0,
    }),
    store: createTable(settings.tableName, systemClock),
    clock: systemClock,
    log,
  });
}
