import { GenerateMacCommand, KMSClient, VerifyMacCommand } from '@aws-sdk/client-kms';

/** HMAC-SHA-256 under a key that never leaves KMS. */
export interface Mac {
  generate(message: Uint8Array): Promise<Uint8Array>;
  /** False when it is not the message's; anything else that goes wrong is thrown. */
  verify(message: Uint8Array, mac: Uint8Array): Promise<boolean>;
}

const algorithm = 'HMAC_SHA_256';

export const createMac = (options: {
  readonly client: Pick<KMSClient, 'send'>;
  readonly keyId: string;
}): Mac => ({
  async generate(message) {
    const { Mac: mac } = await options.client.send(
      new GenerateMacCommand({ KeyId: options.keyId, MacAlgorithm: algorithm, Message: message }),
    );
    if (mac === undefined) throw new Error('KMS answered without a MAC');
    return mac;
  },

  async verify(message, mac) {
    try {
      const { MacValid } = await options.client.send(
        new VerifyMacCommand({
          KeyId: options.keyId,
          MacAlgorithm: algorithm,
          Message: message,
          Mac: mac,
        }),
      );
      return MacValid === true;
    } catch (error) {
      if (error instanceof Error && error.name === 'KMSInvalidMacException') return false;
      throw error;
    }
  },
});

export const createMacClient = (): KMSClient => new KMSClient({});
