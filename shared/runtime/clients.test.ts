import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { nodeRequested } from '../../events/node-requested.ts';
import { clusterReady } from '../../events/cluster-ready.ts';
import { exampleClusterId as clusterId } from '../../events/fields.ts';
import { createMemoryCloud } from '../clouds/memory/index.ts';
import type { Access } from '../domain/cloud.ts';
import { testClock } from '../../test/builders/platform.ts';
import { createAccounts } from './accounts.ts';
import { createBus } from './bus.ts';
import { createMac } from './mac.ts';
import { createQueue } from './queue.ts';
import { createStates } from './states.ts';

/** Stands where an SDK's client stands: every command's input is kept, and answered or refused as the test says. */
function client(answer: (input: Record<string, unknown>, call: number) => unknown) {
  const inputs: Record<string, unknown>[] = [];
  return {
    inputs,
    client: {
      send: async (command: { input: Record<string, unknown> }) => {
        inputs.push(command.input);
        return answer(command.input, inputs.length);
      },
    } as never,
  };
}
const refusal = (name: string): never => {
  throw Object.assign(new Error(`refused: ${name}`), { name });
};
const numbers = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ clusterId, number: index + 1 }));

const busOn = (answer: Parameters<typeof client>[0]) => {
  const { client: sdk, inputs } = client(answer);
  const entries = () => inputs.map((input) => input['Entries'] as Record<string, string>[]);
  const bus = createBus({ client: sdk, busName: 'overcast', source: 'overcast.request-nodes' });
  return { bus, entries };
};

describe('the bus', () => {
  it('says an event under its name, with its source', async () => {
    const { bus, entries } = busOn(() => ({ FailedEntryCount: 0 }));
    await bus.say(nodeRequested, { clusterId, number: 7 });
    expect(entries()).toEqual([
      [
        {
          EventBusName: 'overcast',
          Source: 'overcast.request-nodes',
          DetailType: 'NodeRequested',
          Detail: JSON.stringify({ clusterId, number: 7 }),
        },
      ],
    ]);
  });

  it('says at most ten at a time', async () => {
    const { bus, entries } = busOn(() => ({ FailedEntryCount: 0 }));
    await bus.sayAll(nodeRequested, numbers(23));
    expect(entries().map(({ length }) => length)).toEqual([10, 10, 3]);
  });

  it('says again only what was refused', async () => {
    const { bus, entries } = busOn((_, call) =>
      call === 1
        ? { FailedEntryCount: 1, Entries: [{ EventId: '1' }, { ErrorCode: 'ThrottlingException' }] }
        : { FailedEntryCount: 0 },
    );
    await bus.sayAll(nodeRequested, numbers(2));
    expect(entries()[1]).toMatchObject([{ Detail: JSON.stringify({ clusterId, number: 2 }) }]);
  });

  it('throws when it is refused for good, with the code', async () => {
    const { bus, entries } = busOn(() => ({
      FailedEntryCount: 1,
      Entries: [{ ErrorCode: 'InternalFailure' }],
    }));
    await expect(bus.say(nodeRequested, { clusterId, number: 7 })).rejects.toThrow('InternalFailure');
    expect(entries()).toHaveLength(3);
  });

  it('says nothing that its source may not say, and nothing of the wrong form', async () => {
    const { bus, entries } = busOn(() => ({ FailedEntryCount: 0 }));
    await expect(bus.say(clusterReady, { clusterId })).rejects.toThrow('may not say ClusterReady');
    await expect(bus.say(nodeRequested, { clusterId, number: 0 })).rejects.toThrow('number');
    expect(entries()).toEqual([]);
  });
});

describe('a queue', () => {
  it('sends ten at a time and repeats what was refused', async () => {
    const { client: sdk, inputs } = client((_, call) => ({ Failed: call === 1 ? [{ Id: '3' }] : [] }));
    await createQueue({ client: sdk, queueUrl: 'http://queue' }).send(numbers(12));
    const sent = inputs.map((input) =>
      (input['Entries'] as { MessageBody: string }[]).map((e) => e.MessageBody),
    );
    expect(sent.map(({ length }) => length)).toEqual([10, 1, 2]);
    expect(sent[1]).toEqual([JSON.stringify({ clusterId, number: 4 })]);
  });

  it('throws when messages are refused for good', async () => {
    const { client: sdk } = client(() => ({ Failed: [{ Id: '0' }] }));
    await expect(createQueue({ client: sdk, queueUrl: 'http://queue' }).send([{}])).rejects.toThrow(
      '1 messages',
    );
  });
});

describe('state machines', () => {
  it.each([
    ['RUNNING', 'running'],
    ['SUCCEEDED', 'dead'],
    ['ABORTED', 'dead'],
    ['TIMED_OUT', 'dead'],
  ])('an execution that is %s is %s', async (status, liveness) => {
    expect(await createStates(client(() => ({ status }))).liveness('arn')).toBe(liveness);
  });

  it('an execution that is not there is dead; any other error is thrown', async () => {
    expect(await createStates(client(() => refusal('ExecutionDoesNotExist'))).liveness('arn')).toBe('dead');
    const denied = createStates(client(() => refusal('AccessDeniedException'))).liveness('arn');
    await expect(denied).rejects.toThrow('AccessDenied');
  });

  it.each(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'])('%s: nobody waits', async (name) => {
    expect(await createStates(client(() => refusal(name))).answer('token', {})).toBe('nobody waits');
  });

  it('answers with JSON, and throws what it does not know', async () => {
    const { client: sdk, inputs } = client(() => ({}));
    expect(await createStates({ client: sdk }).answer('token', { outcome: 'joined' })).toBe('answered');
    expect(inputs[0]).toEqual({ taskToken: 'token', output: '{"outcome":"joined"}' });
    await expect(createStates(client(() => refusal('KMS'))).answer('token', {})).rejects.toThrow('KMS');
  });

  it('stopping what is not there is no error', async () => {
    await createStates(client(() => refusal('ExecutionDoesNotExist'))).stop('arn', 'because');
    await expect(createStates(client(() => refusal('Denied'))).stop('arn', 'because')).rejects.toThrow(
      'Denied',
    );
  });
});

describe('the MAC', () => {
  const message = new TextEncoder().encode('message');

  it.each([
    ['right', () => ({ MacValid: true }), true],
    ['wrong', () => refusal('KMSInvalidMacException'), false],
  ] as const)('%s', async (_, answer, isValid) => {
    const mac = createMac({ ...client(answer), keyId: 'key' });
    expect(await mac.verify(message, new Uint8Array(32))).toBe(isValid);
  });

  it('is not wrong because KMS does not answer', async () => {
    const mac = createMac({ ...client(() => refusal('KMSInternalException')), keyId: 'key' });
    await expect(mac.verify(message, new Uint8Array(32))).rejects.toThrow('KMSInternalException');
  });
});

describe('cloud accounts', () => {
  const clock = testClock();
  const connectOn = (answer: Parameters<typeof client>[0], access: Access = 'drive') => {
    const { client: sdk, inputs } = client(answer);
    const seen: string[] = [];
    const connect = createAccounts({
      client: sdk,
      cloud: 'aws',
      access,
      schema: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
      create: ({ accessKeyId }) => {
        seen.push(accessKeyId);
        return createMemoryCloud({ name: 'aws', now: clock.now });
      },
      clock,
    });
    return { connect, inputs, seen };
  };
  const secret = JSON.stringify({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'hidden-value' });

  it('reads a secret once a minute and makes the driver from it', async () => {
    const { connect, inputs, seen } = connectOn(() => ({ SecretString: secret }));
    expect(await connect('main')).toBe(await connect('main'));
    expect(inputs).toEqual([{ SecretId: 'overcast/accounts/aws/main' }]);
    clock.advance(61);
    await connect('main');
    expect(seen).toEqual(['AKIAEXAMPLE', 'AKIAEXAMPLE']);
  });

  it('looks with the read-only secret, and where there is none says where it should be and takes no other', async () => {
    const { connect, inputs } = connectOn(() => refusal('ResourceNotFoundException'), 'look');
    await expect(connect('main')).rejects.toThrow(
      'the secret of the aws account main, overcast/observers/aws/main, cannot be read: ResourceNotFoundException',
    );
    expect(inputs).toEqual([{ SecretId: 'overcast/observers/aws/main' }]);
  });

  it.each([
    ['is not there', () => refusal('ResourceNotFoundException')],
    ['is not JSON', () => ({ SecretString: 'hidden-value' })],
    ['lacks a field', () => ({ SecretString: '{"accessKeyId":"hidden-value"}' })],
    ['has a wrong type', () => ({ SecretString: '{"accessKeyId":1,"secretAccessKey":"hidden-value"}' })],
    ['holds no text', () => ({})],
  ])('names the account and never its value when the secret %s', async (_, answer) => {
    const error = await connectOn(answer)
      .connect('main')
      .catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('the aws account main');
    expect(String(error)).not.toContain('hidden-value');
  });
});
