import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
  type CipherGCM,
  type DecipherGCM,
} from 'node:crypto';
import type { Disk } from '../../disk.ts';
import { account, arnOf } from '../addresses.ts';
import { readPolicy, type Permission, type Statement } from '../iam/policy.ts';
import type { Stack } from '../template/stack.ts';
import { AwsError, isJson, requiredText, text, type Json } from '../wire.ts';

interface Key {
  readonly id: string;
  readonly arn: string;
  readonly usage: 'GENERATE_VERIFY_MAC' | 'ENCRYPT_DECRYPT';
  readonly spec: string;
  readonly material: Buffer;
  readonly policy: readonly Statement[];
}

export interface Kms {
  call(action: string, body: Json): Json;
  /** What must be allowed, and the key's own policy. */
  permissions(action: string, body: Json): { permission: Permission; policy: readonly Statement[] }[];
}

/** KMS's limits on what it takes directly. */
const macMessageBytesMax = 4096;
const plaintextBytesMax = 4096;
const dataKeyBytes: Readonly<Record<string, number>> = { AES_128: 16, AES_256: 32 };

const mac = (body: Json, key: Key): Buffer => {
  const algorithm = requiredText(body, 'MacAlgorithm');
  if (algorithm !== 'HMAC_SHA_256')
    throw new AwsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`,
    );
  const message = Buffer.from(requiredText(body, 'Message'), 'base64');
  if (message.length > macMessageBytesMax)
    throw new AwsError('ValidationException', `Message is longer than ${macMessageBytesMax} bytes`);
  return createHmac('sha256', key.material).update(message).digest();
};

const encrypt = (key: Key, plaintext: Buffer, context: unknown): string => {
  const iv = randomBytes(12);
  const cipher: CipherGCM = createCipheriv('aes-256-gcm', key.material, iv).setAAD(additional(context));
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from(key.id), iv, cipher.getAuthTag(), sealed]).toString('base64');
};

/** The template's keys; their material is made once and kept on disk. */
export function openKms(stack: Stack, disk: Disk): Kms {
  const materials = disk.collection<{ material: string }>('kms-keys');
  const materialOf = (id: string): Buffer => {
    const kept = materials.get(id);
    if (kept !== undefined) return Buffer.from(kept.material, 'base64');
    const material = randomBytes(32);
    materials.set(id, { material: material.toString('base64') });
    return material;
  };

  const keys = stack.all('AWS::KMS::Key').map(({ logicalId, ref, attribute, properties }): Key => {
    const spec = properties.KeySpec ?? 'SYMMETRIC_DEFAULT';
    const usage = properties.KeyUsage ?? 'ENCRYPT_DECRYPT';
    if ((spec === 'HMAC_256') !== (usage === 'GENERATE_VERIFY_MAC'))
      throw new Error(`${logicalId} (AWS::KMS::Key): KeySpec ${spec} cannot be used for ${usage}`);
    const arn = attribute('Arn');
    // A key policy speaks of its own key as *.
    const policy = readPolicy(properties.KeyPolicy);
    const leavesItToIam = policy.some(
      ({ effect, principals, actions }) =>
        effect === 'Allow' &&
        principals.includes(`aws:arn:aws:iam::${account}:root`) &&
        actions.includes('kms:*'),
    );
    if (!leavesItToIam)
      throw new Error(
        `${logicalId} (AWS::KMS::Key): a KeyPolicy that does not leave access to IAM is not supported`,
      );
    return { id: ref, arn, spec, usage, material: materialOf(ref), policy };
  });
  const aliases = new Map(
    stack.all('AWS::KMS::Alias').map(({ properties }) => [properties.AliasName, properties.TargetKeyId]),
  );

  const find = (given: string): Key => {
    const name = given.replace(/^arn:aws:kms:[^:]+:\d+:/, '');
    const id = (name.startsWith('alias/') ? aliases.get(name) : name)?.replace(/^(?:arn:.*:)?key\//, '');
    const key = keys.find((each) => each.id === id || each.arn === id);
    if (key === undefined) throw new AwsError('NotFoundException', `Key '${given}' does not exist`);
    return key;
  };
  const usable = (body: Json, usage: Key['usage']): Key => {
    const key = find(requiredText(body, 'KeyId'));
    if (key.usage !== usage)
      throw new AwsError(
        'InvalidKeyUsageException',
        `${key.arn} key usage is ${key.usage} which is not valid here.`,
      );
    return key;
  };

  const keyIdCharacters = 36;
  const decrypt = (body: Json): { key: Key; plaintext: Buffer } => {
    const blob = Buffer.from(requiredText(body, 'CiphertextBlob'), 'base64');
    try {
      const key = find(blob.subarray(0, keyIdCharacters).toString());
      const given = text(body, 'KeyId');
      if (given !== undefined && find(given) !== key)
        throw new AwsError(
          'IncorrectKeyException',
          'The key ID in the request does not identify the CMK used.',
        );
      const rest = blob.subarray(keyIdCharacters);
      const decipher: DecipherGCM = createDecipheriv('aes-256-gcm', key.material, rest.subarray(0, 12))
        .setAAD(additional(body['EncryptionContext']))
        .setAuthTag(rest.subarray(12, 28));
      return { key, plaintext: Buffer.concat([decipher.update(rest.subarray(28)), decipher.final()]) };
    } catch (error) {
      if (error instanceof AwsError && error.name === 'IncorrectKeyException') throw error;
      throw new AwsError('InvalidCiphertextException', 'The ciphertext cannot be decrypted.');
    }
  };

  const dataKey = (body: Json): { key: Key; plaintext: Buffer; blob: string } => {
    const key = usable(body, 'ENCRYPT_DECRYPT');
    const bytes = body['NumberOfBytes'] ?? dataKeyBytes[text(body, 'KeySpec') ?? ''];
    if (typeof bytes !== 'number')
      throw new AwsError('ValidationException', 'KeySpec or NumberOfBytes is needed');
    const plaintext = randomBytes(bytes);
    return { key, plaintext, blob: encrypt(key, plaintext, body['EncryptionContext']) };
  };

  const actions: Readonly<Record<string, (body: Json) => Json>> = {
    GenerateMac: (body) => {
      const key = usable(body, 'GENERATE_VERIFY_MAC');
      return { KeyId: key.arn, MacAlgorithm: 'HMAC_SHA_256', Mac: mac(body, key).toString('base64') };
    },
    VerifyMac: (body) => {
      const key = usable(body, 'GENERATE_VERIFY_MAC');
      const given = Buffer.from(requiredText(body, 'Mac'), 'base64');
      const wanted = mac(body, key);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
        throw new AwsError('KMSInvalidMacException', 'The HMAC does not verify.');
      return { KeyId: key.arn, MacAlgorithm: 'HMAC_SHA_256', MacValid: true };
    },
    Encrypt: (body) => {
      const key = usable(body, 'ENCRYPT_DECRYPT');
      const plaintext = Buffer.from(requiredText(body, 'Plaintext'), 'base64');
      if (plaintext.length > plaintextBytesMax)
        throw new AwsError('ValidationException', `Plaintext is longer than ${plaintextBytesMax} bytes`);
      return {
        KeyId: key.arn,
        CiphertextBlob: encrypt(key, plaintext, body['EncryptionContext']),
        EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      };
    },
    Decrypt: (body) => {
      const { key, plaintext } = decrypt(body);
      return {
        KeyId: key.arn,
        Plaintext: plaintext.toString('base64'),
        EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      };
    },
    GenerateDataKey: (body) => {
      const { key, plaintext, blob } = dataKey(body);
      return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), CiphertextBlob: blob };
    },
    GenerateDataKeyWithoutPlaintext: (body) => {
      const { key, blob } = dataKey(body);
      return { KeyId: key.arn, CiphertextBlob: blob };
    },
    DescribeKey: (body) => {
      const { id, arn, spec, usage } = find(requiredText(body, 'KeyId'));
      return {
        KeyMetadata: {
          AWSAccountId: account,
          KeyId: id,
          Arn: arn,
          KeySpec: spec,
          KeyUsage: usage,
          KeyState: 'Enabled',
          Enabled: true,
          KeyManager: 'CUSTOMER',
          Origin: 'AWS_KMS',
        },
      };
    },
  };

  const keyOf = (action: string, body: Json): Key | undefined => {
    const given = text(body, 'KeyId');
    if (given !== undefined) return find(given);
    return action === 'Decrypt' ? decrypt(body).key : undefined;
  };

  return {
    call: (action, body) => {
      const act = actions[action];
      if (act === undefined)
        throw new AwsError('UnsupportedOperationException', `kms:${action} is not served here`);
      return act(body);
    },
    permissions: (action, body) => {
      const key = keyOf(action, body);
      return [
        {
          permission: {
            action: `kms:${action}`,
            resources: [key?.arn ?? arnOf('kms', 'key/unknown')],
            context: conditionKeys(body['EncryptionContext']),
          },
          policy: key?.policy ?? [],
        },
      ];
    },
  };
}

/** The encryption context as policies see it. */
const conditionKeys = (context: unknown): Record<string, readonly string[]> =>
  Object.fromEntries(
    Object.entries(isJson(context) ? context : {}).map(([name, value]) => [
      `kms:EncryptionContext:${name}`,
      [String(value)],
    ]),
  );

/** The encryption context, in any order, is what the ciphertext is bound to. */
const additional = (context: unknown): Buffer =>
  Buffer.from(
    JSON.stringify(
      Object.entries(isJson(context) ? context : {}).sort(([one], [other]) => (one < other ? -1 : 1)),
    ),
  );
