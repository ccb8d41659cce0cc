import { lastPart } from './addresses.ts';
import { DeliveryError, type Rule, type Target } from './events/events.ts';
import type { Guard } from './iam/guard.ts';
import type { Roles } from './iam/roles.ts';
import type { AsynchronousInvocations } from './lambda/asynchronous.ts';
import type { Lambda } from './lambda/lambda.ts';
import type { Queues } from './queues/queues.ts';
import { AwsError } from './wire.ts';

type Attributes = Readonly<Record<string, string>>;

export interface DeliveryParts {
  readonly lambda: Lambda;
  readonly asynchronous: () => AsynchronousInvocations;
  readonly queues: Queues;
  readonly machineArns: ReadonlySet<string>;
  readonly startExecution: (machineArn: string, input: unknown) => void;
  readonly guard: Guard;
  readonly roles: Roles;
  readonly log: (source: string, line: string) => void;
}

/** How the parts of AWS hand things to one another, each time with the permission that AWS would ask for. */
export interface Delivery {
  /** @throws when a rule's target is nothing that events can go to here */
  readonly checkTarget: (rule: Rule, target: Target) => void;
  /** @throws DeliveryError */
  readonly toTarget: (target: Target, input: unknown, rule: Rule) => Promise<void>;
  readonly deadLetterOfRule: (
    queueArn: string,
    body: unknown,
    attributes: Attributes,
    rule: Rule,
  ) => Promise<void>;
  /** A function's destination or dead-letter queue: its own role must allow it. */
  readonly ofFunction: (
    arn: string,
    roleArn: string,
    message: { body: unknown; attributes: Attributes },
  ) => Promise<void>;
}

const isFunction = (arn: string): boolean => arn.startsWith('arn:aws:lambda:');
const isQueue = (arn: string): boolean => arn.startsWith('arn:aws:sqs:');

const messageAttributes = (attributes: Attributes): Record<string, unknown> => ({
  MessageAttributes: Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      { DataType: 'String', StringValue: value || '-' },
    ]),
  ),
});

export function createDelivery(parts: DeliveryParts): Delivery {
  const { lambda, queues, guard, roles, log } = parts;

  const send = async (queueArn: string, body: unknown, more: Record<string, unknown> = {}): Promise<void> => {
    await queues.call('SendMessage', {
      QueueUrl: queues.url(queueArn),
      MessageBody: JSON.stringify(body),
      ...more,
    });
  };
  const takesRole = (target: Target, action: string, resource: string): boolean =>
    target.roleArn !== undefined &&
    roles.trusts(target.roleArn, 'events.amazonaws.com') &&
    guard.allows(target.roleArn, {
      action,
      resources: [resource],
      context: { 'aws:SecureTransport': ['true'] },
    });
  const refused = (target: Target, rule: Rule): DeliveryError => {
    log('iam', `ACCESS DENIED rule ${rule.name} may not reach ${target.arn}`);
    return new DeliveryError(
      'NO_PERMISSIONS',
      `The rule ${rule.name} has no permission on ${target.arn}`,
      false,
    );
  };

  return {
    checkTarget: (rule, { arn }) => {
      const known =
        (isFunction(arn) && lambda.functions.some((each) => each.arn === arn)) ||
        (isQueue(arn) && queues.names.includes(lastPart(arn))) ||
        parts.machineArns.has(arn);
      if (!known)
        throw new Error(
          `${rule.logicalId} (AWS::Events::Rule): its target ${arn} is no function, queue or state machine here`,
        );
    },
    toTarget: async (target, input, rule) => {
      if (isFunction(target.arn)) {
        if (!lambda.permits(target.arn, 'events.amazonaws.com', rule.arn)) throw refused(target, rule);
        parts.asynchronous().accept(lambda.find(target.arn), JSON.stringify(input));
      } else if (isQueue(target.arn)) {
        const allowed =
          queues.accepts(target.arn, 'events.amazonaws.com', rule.arn) ||
          takesRole(target, 'sqs:SendMessage', target.arn);
        if (!allowed) throw refused(target, rule);
        await send(
          target.arn,
          input,
          target.messageGroupId === undefined ? {} : { MessageGroupId: target.messageGroupId },
        );
      } else {
        if (!takesRole(target, 'states:StartExecution', target.arn)) throw refused(target, rule);
        parts.startExecution(target.arn, input);
      }
    },
    deadLetterOfRule: async (queueArn, body, attributes, rule) => {
      if (!queues.accepts(queueArn, 'events.amazonaws.com', rule.arn)) {
        log('iam', `ACCESS DENIED rule ${rule.name} may not send its dead letters to ${queueArn}`);
        return;
      }
      await send(queueArn, body, messageAttributes(attributes));
    },
    ofFunction: async (arn, roleArn, { body, attributes }) => {
      const caller = { kind: 'role', roleArn, name: 'lambda' } as const;
      if (isQueue(arn)) {
        guard.demand(caller, {
          action: 'sqs:SendMessage',
          resources: [arn],
          context: { 'aws:SecureTransport': ['true'] },
        });
        await send(arn, body, messageAttributes(attributes));
      } else if (isFunction(arn)) {
        guard.demand(caller, { action: 'lambda:InvokeFunction', resources: [arn] });
        parts.asynchronous().accept(lambda.find(arn), JSON.stringify(body));
      } else
        throw new AwsError('InvalidParameterValueException', `destinations like ${arn} are not supported`);
    },
  };
}
