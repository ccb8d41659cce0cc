import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod/mini';
import { accountSecretName, type Access, type CloudName } from '../domain/cloud.ts';
import type { Clock } from './clock.ts';
import type { Cloud, Observer } from '../clouds/contract.ts';

/** Credentials rotate: a driver is made anew from its secret after this long. */
const keptMsDefault = 60_000;

/** What speaks to a cloud for one account. @throws an Error that names the account and never its secret. */
export type Connect<Driver> = (accountId: string) => Promise<Driver>;
export type ConnectCloud = Connect<Cloud>;
export type ConnectObserver = Connect<Observer>;

/**
 * Makes drivers from the accounts' secrets.
 *
 * @param access which of the account's two secrets. There is no falling back to the other: the role cannot read it.
 * @param schema the driver's own schema of its credentials.
 * @param create the driver's factory.
 * @param keptMs how long one is used before the next is made.
 */
export function createAccounts<Schema extends z.ZodMiniType, Driver>(options: {
  readonly client: Pick<SecretsManagerClient, 'send'>;
  readonly cloud: CloudName;
  readonly access: Access;
  readonly schema: Schema;
  readonly create: (credentials: z.output<Schema>) => Driver;
  readonly clock: Clock;
  readonly keptMs?: number;
}): Connect<Driver> {
  const { keptMs = keptMsDefault } = options;
  const connected = new Map<string, { driver: Driver; at: number }>();

  return async (accountId) => {
    const now = Date.parse(options.clock.now());
    const cached = connected.get(accountId);
    if (cached !== undefined && now - cached.at < keptMs) return cached.driver;
    const name = accountSecretName(options.cloud, accountId, options.access);
    const title = `the ${options.cloud} account ${accountId}`;
    const text = await readSecret(options.client, name, title);
    const parsed = z.safeParse(options.schema, parseJson(text, title));
    if (!parsed.success) {
      // Only the fields' names: a message of the schema may quote what it saw.
      const fields = parsed.error.issues.map(({ path }) => path.join('.') || 'the whole secret');
      throw new Error(`the secret of ${title} is not of its form: ${[...new Set(fields)].join(', ')}`);
    }
    const driver = options.create(parsed.data);
    connected.set(accountId, { driver, at: now });
    return driver;
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
    throw new Error(`the secret of ${title}, ${name}, cannot be read: ${code}`, { cause: error });
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
