import { randomInt, randomUUID } from 'node:crypto';
import type { Disk } from '../../disk.ts';
import type { Permission } from '../iam/policy.ts';
import { secretArn } from '../template/kinds.ts';
import type { Resource, Stack } from '../template/stack.ts';
import { AwsError, isJson, requiredText, text, type Json } from '../wire.ts';

interface Version {
  readonly id: string;
  readonly string?: string;
  /** Base64. */
  readonly binary?: string;
  /** Epoch seconds. */
  readonly createdAt: number;
}
interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
  readonly createdAt: number;
  readonly current: Version;
  readonly previous?: Version;
}

export interface Secrets {
  call(action: string, body: Json): Json;
  permissions(action: string, body: Json): Permission[];
}

const pageMax = 100;

/** Secrets Manager; a deleted secret is gone at once, without AWS's time to change one's mind. */
export function openSecrets(stack: Stack, disk: Disk, now: () => number): Secrets {
  const secrets = disk.collection<Secret>('secrets');
  const seconds = (): number => now() / 1000;

  const lookUp = (id: string): Secret | undefined =>
    id.startsWith('arn:') ? secrets.values().find(({ arn }) => arn === id) : secrets.get(id);
  const find = (body: Json): Secret => {
    const secret = lookUp(requiredText(body, 'SecretId'));
    if (secret === undefined)
      throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return secret;
  };

  const version = (body: Json): Version => {
    const string = text(body, 'SecretString');
    const binary = text(body, 'SecretBinary');
    if (string !== undefined && binary !== undefined)
      throw new AwsError('InvalidParameterException', 'You can’t specify both a binary and a string.');
    return {
      id: text(body, 'ClientRequestToken') ?? randomUUID(),
      ...(string === undefined ? {} : { string }),
      ...(binary === undefined ? {} : { binary }),
      createdAt: seconds(),
    };
  };

  const create = (name: string, body: Json): Secret => {
    const description = text(body, 'Description');
    const secret: Secret = {
      name,
      arn: secretArn(name),
      ...(description === undefined ? {} : { description }),
      createdAt: seconds(),
      current: version(body),
    };
    secrets.set(name, secret);
    return secret;
  };

  for (const resource of stack.all('AWS::SecretsManager::Secret')) {
    const name = resource.ref.replace(/^.*:secret:/, '').replace(/-[0-9a-f]{6}$/, '');
    if (secrets.get(name) === undefined) create(name, { SecretString: initialValue(resource) });
  }

  const put = (secret: Secret, next: Version): Json => {
    // A repeated request with the same token is the same version.
    if (secret.current.id !== next.id)
      secrets.set(secret.name, { ...secret, current: next, previous: secret.current });
    return { ARN: secret.arn, Name: secret.name, VersionId: next.id, VersionStages: ['AWSCURRENT'] };
  };

  const actions: Readonly<Record<string, (body: Json) => Json>> = {
    CreateSecret: (body) => {
      const name = requiredText(body, 'Name');
      const existing = secrets.get(name);
      const token = text(body, 'ClientRequestToken');
      if (existing !== undefined && existing.current.id !== token)
        throw new AwsError(
          'ResourceExistsException',
          `The operation failed because the secret ${name} already exists.`,
        );
      const secret = existing ?? create(name, body);
      return { ARN: secret.arn, Name: name, VersionId: secret.current.id };
    },
    PutSecretValue: (body) => put(find(body), version(body)),
    UpdateSecret: (body) => {
      const secret = find(body);
      if (body['SecretString'] === undefined && body['SecretBinary'] === undefined)
        return { ARN: secret.arn, Name: secret.name };
      return put(secret, version(body));
    },
    GetSecretValue: (body) => {
      const secret = find(body);
      const stage = text(body, 'VersionStage') ?? 'AWSCURRENT';
      const wanted = text(body, 'VersionId');
      const found = [secret.current, secret.previous].find((each, index) =>
        wanted === undefined
          ? stage === (index === 0 ? 'AWSCURRENT' : 'AWSPREVIOUS') && each !== undefined
          : each?.id === wanted,
      );
      if (found === undefined)
        throw new AwsError(
          'ResourceNotFoundException',
          "Secrets Manager can't find the specified secret value.",
        );
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: found.id,
        VersionStages: [found === secret.current ? 'AWSCURRENT' : 'AWSPREVIOUS'],
        CreatedDate: found.createdAt,
        ...(found.string === undefined ? {} : { SecretString: found.string }),
        ...(found.binary === undefined ? {} : { SecretBinary: found.binary }),
      };
    },
    DescribeSecret: (body) => {
      const { arn, name, description, createdAt, current } = find(body);
      return {
        ARN: arn,
        Name: name,
        Description: description,
        CreatedDate: createdAt,
        VersionIdsToStages: { [current.id]: ['AWSCURRENT'] },
      };
    },
    DeleteSecret: (body) => {
      const { arn, name } = find(body);
      secrets.delete(name);
      return { ARN: arn, Name: name, DeletionDate: seconds() };
    },
    ListSecrets: (body) => {
      const filters = Array.isArray(body['Filters']) ? (body['Filters'] as Json[]) : [];
      const prefixes = filters.flatMap((filter) => {
        if (filter['Key'] !== 'name')
          throw new AwsError('InvalidParameterException', 'only the filter on name is served here');
        return [Array.isArray(filter['Values']) ? filter['Values'].map(String) : []];
      });
      const all = secrets
        .values()
        .filter(({ name }) => prefixes.every((each) => each.some((prefix) => name.startsWith(prefix))))
        .sort((one, other) => (one.name < other.name ? -1 : 1));
      const from = Number(text(body, 'NextToken') ?? 0);
      const count = Math.min(Number(body['MaxResults'] ?? pageMax), pageMax);
      return {
        SecretList: all.slice(from, from + count).map(({ arn, name, description, createdAt }) => ({
          ARN: arn,
          Name: name,
          Description: description,
          CreatedDate: createdAt,
        })),
        ...(from + count < all.length ? { NextToken: String(from + count) } : {}),
      };
    },
  };

  return {
    call: (action, body) => {
      const act = actions[action];
      if (act === undefined)
        throw new AwsError('InvalidRequestException', `secretsmanager:${action} is not served here`);
      return act(body);
    },
    permissions: (action, body) => {
      if (action === 'ListSecrets') return [{ action: 'secretsmanager:ListSecrets', resources: ['*'] }];
      const id = text(body, 'SecretId') ?? text(body, 'Name') ?? '';
      return [
        { action: `secretsmanager:${action}`, resources: [id.startsWith('arn:') ? id : secretArn(id)] },
      ];
    },
  };
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const punctuation = '!#$%&()*+,-./:;<=>?@[]^_{|}~';

function initialValue({ properties }: Resource<'AWS::SecretsManager::Secret'>): string {
  const generate = properties.GenerateSecretString;
  if (generate === undefined) return properties.SecretString ?? '';
  const allowed = `${letters}${generate.ExcludePunctuation === true ? '' : punctuation}`
    .split('')
    .filter((letter) => !(generate.ExcludeCharacters ?? '').includes(letter));
  const password = Array.from(
    { length: generate.PasswordLength ?? 32 },
    () => allowed[randomInt(allowed.length)],
  ).join('');
  if (generate.SecretStringTemplate === undefined || generate.GenerateStringKey === undefined)
    return password;
  const template: unknown = JSON.parse(generate.SecretStringTemplate);
  return JSON.stringify({ ...(isJson(template) ? template : {}), [generate.GenerateStringKey]: password });
}
