import type * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import { createAccounts, createSecretsClient } from '../../shared/runtime/accounts.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Cloud } from '../../shared/runtime/cloud.ts';
import { log } from '../../shared/runtime/log.ts';
import { createMac, createMacClient } from '../../shared/runtime/mac.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import type { DriveParts } from './parts.ts';

/**
 * Environment: INSTALLATION_ID, TABLE_NAME, API_URL, TOKEN_KEY_ID.
 * Rights: dynamodb GetItem, Query, PutItem, UpdateItem, DeleteItem on the table; kms GenerateMac on the token key;
 * secretsmanager GetSecretValue on `overcast/accounts/<cloud>/*` of this cloud alone.
 */
export function drivePartsFrom<Schema extends z.ZodMiniType>(
  environment: NodeJS.ProcessEnv,
  driver: {
    readonly cloud: CloudName;
    readonly schema: Schema;
    readonly create: (credentials: z.output<Schema>) => Cloud;
  },
): DriveParts {
  const settings = settingsFrom(environment);
  return {
    cloud: driver.cloud,
    connect: createAccounts({
      ...driver,
      access: 'drive',
      client: createSecretsClient(),
      clock: systemClock,
    }),
    store: createTable(settings.tableName, systemClock),
    mac: createMac({ client: createMacClient(), keyId: settings.tokenKeyId }),
    clock: systemClock,
    log,
    installationId: settings.installationId,
    apiUrl: settings.apiUrl,
  };
}
