import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod/mini';
import { accountSecretName, type CloudName } from '../domain/cloud.ts';
import type { Clock } from './clock.ts';
import type { Cloud } from '../clouds/contract.ts';

/** Credentials rotate: a driver is made anew from its secret after this long. */
const cachedMsMax = 60_000;

/** One account's cloud. @throws an Error that names the account and never its secret. */
export type ConnectCloud = (accountId: string) => Promise<Cloud>;

/**
 * Makes drivers from the accounts' secrets.
 *
 * @param schema the driver's own schema of its credentials.
 * @param create the driver's factory.
 */
export function createAccounts<Schema extends z.ZodMiniType>(options: {
  readonly client: Pick<SecretsManagerClient, 'send'>;
  readonly cloud: CloudName;
  readonly schema: Schema;
  readonly create: (credentials: z.output<Schema>) => Cloud;
  readonly clock: Clock;
}): ConnectCloud {
  const connected = new Map<string, { cloud: Cloud; at: number }>();

  return async (accountId) => {
    const now = Date.parse(options.clock.now());
    const cached = connected.get(accountId);
    if (cached !== undefined && now - cached.at < cachedMsMax) return cached.cloud;
    const title = `the ${options.cloud} account ${accountId}`;
    const text = await readSecret(options.client, accountSecretName(options.cloud, accountId), title);
    const parsed = z.safeParse(options.schema, parseJson(text, title));
    if (!parsed.success) {
      // Only the fields' names: a message of the schema may quote what it saw.
      const fields = parsed.error.issues.map(({ path }) => path.join('.') || 'the whole secret');
      throw new Error(`the secret of ${title} is not of its form: ${[...new Set(fields)].join(', ')}`);
    }
    const cloud = options.create(parsed.data);
    connected.set(accountId, { cloud, at: now });
    return cloud;
  };
}

async function readSecret(
  client: Pick<SecretsManagerClient, 'send'>,
  name: string,
  title: string,
): Promise<string> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
    if (SecretString !== undefined) return SecretString;
  } catch (error) {
    const code = error instanceof Error ? error.name : 'an unknown error';
    throw new Error(`the secret of ${title} cannot be read: ${code}`, { cause: error });
  }
  throw new Error(`the secret of ${title} holds no text`);
}

function parseJson(text: string, title: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new Error(`the secret of ${title} is not JSON`);
  }
}

export const createSecretsClient = (): SecretsManagerClient => new SecretsManagerClient({});
