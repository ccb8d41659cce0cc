import { describe, expect, it } from 'vitest';
import { openDisk } from '../../disk.ts';
import type { Stack } from '../template/stack.ts';
import { openKms } from './kms.ts';

const policy = {
  Statement: [
    { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*', Resource: '*' },
  ],
};
const key = (letter: string, KeySpec: string, KeyUsage: string) => {
  const ref = `${letter.repeat(8)}-0000-4000-8000-000000000000`;
  return {
    logicalId: letter,
    ref,
    attribute: () => `arn:aws:kms:us-east-1:000000000000:key/${ref}`,
    properties: { KeySpec, KeyUsage, KeyPolicy: policy },
  };
};
const box = key('a', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
const otherBox = key('b', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
const signer = key('c', 'HMAC_256', 'GENERATE_VERIFY_MAC');
const stack = {
  all: (type: string) =>
    type === 'AWS::KMS::Key'
      ? [box, otherBox, signer]
      : [{ properties: { AliasName: 'alias/box', TargetKeyId: box.ref } }],
} as unknown as Stack;
const disk = openDisk({ name: 'test' });
const kms = openKms(stack, disk);

const Plaintext = Buffer.from('secret').toString('base64');
const sealed = (more: Record<string, unknown> = {}) =>
  kms.call('Encrypt', { KeyId: box.ref, Plaintext, ...more })['CiphertextBlob'];

describe('a symmetric key', () => {
  it.each([box.ref, box.attribute(), 'alias/box', 'arn:aws:kms:us-east-1:000000000000:alias/box'])(
    'is found as %s',
    (KeyId) => {
      expect(kms.call('Decrypt', { CiphertextBlob: sealed({ KeyId }) })).toMatchObject({
        Plaintext,
        KeyId: box.attribute(),
      });
    },
  );
  it('opens for its own context only, in any order', () => {
    const CiphertextBlob = sealed({ EncryptionContext: { a: '1', b: '2' } });
    expect(kms.call('Decrypt', { CiphertextBlob, EncryptionContext: { b: '2', a: '1' } })).toMatchObject({
      Plaintext,
    });
    expect(() => kms.call('Decrypt', { CiphertextBlob })).toThrow(
      expect.objectContaining({ name: 'InvalidCiphertextException' }),
    );
  });
  it('does not open what is another’s', () => {
    expect(() => kms.call('Decrypt', { CiphertextBlob: sealed(), KeyId: otherBox.ref })).toThrow(
      expect.objectContaining({ name: 'IncorrectKeyException' }),
    );
  });
  it('makes data keys', () => {
    const made = kms.call('GenerateDataKey', { KeyId: box.ref, KeySpec: 'AES_256' });
    expect(kms.call('Decrypt', { CiphertextBlob: made['CiphertextBlob'] })['Plaintext']).toBe(
      made['Plaintext'],
    );
  });
  it('stays the same when it is opened again', () => {
    expect(openKms(stack, disk).call('Decrypt', { CiphertextBlob: sealed() })).toMatchObject({ Plaintext });
  });
});

describe('a key', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'GenerateMac',
      { KeyId: box.ref, Message: 'aGk=', MacAlgorithm: 'HMAC_SHA_256' },
      'InvalidKeyUsageException',
    ],
    ['Encrypt', { KeyId: signer.ref, Plaintext }, 'InvalidKeyUsageException'],
    ['Encrypt', { KeyId: 'nobody', Plaintext }, 'NotFoundException'],
    ['Encrypt', { KeyId: box.ref, Plaintext: Buffer.alloc(4097).toString('base64') }, 'ValidationException'],
    ['Sign', { KeyId: box.ref }, 'UnsupportedOperationException'],
  ])('does not %s with %j: %s', (action, body, name) => {
    expect(() => kms.call(action, body)).toThrow(expect.objectContaining({ name }));
  });
});
