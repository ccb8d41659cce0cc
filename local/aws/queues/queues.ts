import { buildApp } from 'fauxqs';
import { account, arnOf, lastPart, region } from '../addresses.ts';
import { evaluateForPrincipal, readPolicy, type Permission, type Statement } from '../iam/policy.ts';
import type { Stack } from '../template/stack.ts';
import { AwsError, isJson, text, type Json, type WireRequest, type WireResponse } from '../wire.ts';

/** SQS, by fauxqs, in this process and without a port of its own. */
export interface Queues {
  readonly names: readonly string[];
  /** One call as root. @throws AwsError with SQS's own code */
  call(action: string, body: Json): Promise<Json>;
  forward(request: WireRequest): Promise<WireResponse>;
  url(nameOrArn: string): string;
  /** What the queue's own policy says. */
  policy(queueArn: string): readonly Statement[];
  /** Whether a service may send to the queue on its own, by the queue's policy. */
  accepts(queueArn: string, service: string, sourceArn: string): boolean;
  depth(name: string): Promise<{ visible: number; inFlight: number; delayed: number }>;
  close(): Promise<void>;
}

/** Nothing in fauxqs outlives the process: whoever works from queues repairs from what it stored. */
export async function createQueues(stack: Stack, baseUrl: string): Promise<Queues> {
  const app = buildApp({ logger: false, defaultRegion: region });
  await app.ready();
  const { host } = new URL(baseUrl);

  const inject = async (
    headers: Readonly<Record<string, string>>,
    body: string | Buffer,
  ): Promise<WireResponse> => {
    const response = await app.inject({ method: 'POST', url: '/', headers: { ...headers }, payload: body });
    return {
      status: response.statusCode,
      headers: Object.fromEntries(
        Object.entries(response.headers)
          .filter(([name]) => name !== 'content-length' && name !== 'connection')
          .map(([name, value]) => [name, String(value)]),
      ),
      // Whatever host fauxqs puts into a queue's URL, clients must come back here.
      body: response.body.replaceAll(/http:\/\/sqs\.[a-z0-9-]+\.localhost(:\d+)?\//g, `${baseUrl}/`),
    };
  };

  const call = async (action: string, body: Json): Promise<Json> => {
    const response = await inject(
      {
        host,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${action}`,
        authorization: `AWS4-HMAC-SHA256 Credential=local/20250101/${region}/sqs/aws4_request, SignedHeaders=host, Signature=0`,
      },
      JSON.stringify(body),
    );
    const answer: unknown = String(response.body) === '' ? {} : JSON.parse(String(response.body));
    const fields = isJson(answer) ? answer : {};
    if (response.status >= 400)
      throw new AwsError(
        String(fields['__type']).replace(/^.*#/, ''),
        String(fields['message']),
        response.status,
      );
    return fields;
  };

  const url = (nameOrArn: string): string => `${baseUrl}/${account}/${lastPart(nameOrArn)}`;
  const queues = stack.all('AWS::SQS::Queue');
  for (const { properties, attribute } of queues) {
    const { RedrivePolicy, ...rest } = properties;
    const attributes = Object.entries(rest)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)] as const);
    await call('CreateQueue', {
      QueueName: attribute('QueueName'),
      Attributes: {
        ...Object.fromEntries(attributes),
        ...(RedrivePolicy === undefined ? {} : { RedrivePolicy: JSON.stringify(RedrivePolicy) }),
      },
    });
  }

  const policies = new Map<string, Statement[]>();
  const arns = new Map(queues.map(({ ref, attribute }) => [ref, attribute('Arn')]));
  for (const { logicalId, properties } of stack.all('AWS::SQS::QueuePolicy'))
    for (const queueUrl of properties.Queues) {
      const arn = arns.get(queueUrl);
      if (arn === undefined) throw new Error(`${logicalId} (AWS::SQS::QueuePolicy): no queue ${queueUrl}`);
      policies.set(arn, [...(policies.get(arn) ?? []), ...readPolicy(properties.PolicyDocument)]);
    }
  const policy = (queueArn: string): readonly Statement[] => policies.get(queueArn) ?? [];

  return {
    names: queues.map(({ attribute }) => attribute('QueueName')),
    call,
    url,
    policy,
    forward: (request) => inject(request.headers, request.body),
    accepts: (queueArn, service, sourceArn) => {
      const permission: Permission = {
        action: 'sqs:SendMessage',
        resources: [queueArn],
        context: {
          'aws:SourceArn': [sourceArn],
          'aws:SourceAccount': [account],
          'aws:SecureTransport': ['true'],
        },
      };
      return evaluateForPrincipal(policy(queueArn), [`service:${service}`], permission) === 'allowed';
    },
    depth: async (name) => {
      const { Attributes } = await call('GetQueueAttributes', {
        QueueUrl: url(name),
        AttributeNames: ['All'],
      });
      const attributes = isJson(Attributes) ? Attributes : {};
      return {
        visible: Number(attributes['ApproximateNumberOfMessages'] ?? 0),
        inFlight: Number(attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0),
        delayed: Number(attributes['ApproximateNumberOfMessagesDelayed'] ?? 0),
      };
    },
    close: async () => {
      await app.close();
    },
  };
}

/** What IAM must allow for a request. */
export function queuePermissions(action: string, body: Json): Permission[] {
  const name = lastPart(text(body, 'QueueUrl') ?? text(body, 'QueueName') ?? '');
  const plain = action.replace(/Batch$/, '');
  return [
    {
      action: `sqs:${plain}`,
      resources: [action === 'ListQueues' ? '*' : arnOf('sqs', name)],
      context: { 'aws:SecureTransport': ['true'] },
    },
  ];
}
