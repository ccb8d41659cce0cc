import { lastPart } from './addresses.ts';
import type { Guard } from './iam/guard.ts';
import type { Permission } from './iam/policy.ts';
import type { Roles } from './iam/roles.ts';
import type { Lambda } from './lambda/lambda.ts';
import type { Machine } from './states/index.ts';
import type { Stack } from './template/stack.ts';
import { AwsError, isJson, text, type Json } from './wire.ts';

/** The template's state machines, their definitions with everything substituted. */
export const readMachines = (stack: Stack, roles: Roles): Machine[] =>
  stack.all('AWS::StepFunctions::StateMachine').map(({ logicalId, ref, properties }) => {
    const { DefinitionString, Definition, DefinitionSubstitutions = {}, RoleArn } = properties;
    if (!roles.trusts(RoleArn, 'states.amazonaws.com'))
      throw new Error(
        `${logicalId} (AWS::StepFunctions::StateMachine): its role does not trust states.amazonaws.com`,
      );
    const written = DefinitionString ?? JSON.stringify(Definition ?? null);
    const substituted = written.replaceAll(/\$\{([A-Za-z0-9_]+)\}/g, (found, name: string) =>
      Object.hasOwn(DefinitionSubstitutions, name)
        ? JSON.stringify(String(DefinitionSubstitutions[name])).slice(1, -1)
        : found,
    );
    const definition: unknown = JSON.parse(substituted);
    if (!isJson(definition))
      throw new Error(
        `${logicalId} (AWS::StepFunctions::StateMachine): property DefinitionString is no object`,
      );
    return { arn: ref, name: lastPart(ref), definition, roleArn: RoleArn };
  });

/** A task's call of a function, under the machine's own role; failures carry Lambda's words as their cause. */
export function createTaskInvoker(
  lambda: Lambda,
  guard: Guard,
): (resourceArn: string, args: unknown, context: { roleArn: string }) => Promise<unknown> {
  return async (resourceArn, args, { roleArn }) => {
    if (!resourceArn.startsWith('arn:aws:states:::lambda:invoke'))
      throw named('States.Runtime', `the resource ${resourceArn} is not supported`);
    const { FunctionName, Payload } = isJson(args) ? args : {};
    try {
      const configuration = lambda.find(String(FunctionName));
      guard.demand(
        { kind: 'role', roleArn, name: 'states' },
        { action: 'lambda:InvokeFunction', resources: [configuration.arn] },
      );
      const outcome = await lambda.invoke(configuration, JSON.stringify(Payload ?? {}));
      if (!outcome.ok)
        throw named(outcome.failure.errorType, outcome.failure.errorMessage, JSON.stringify(outcome.failure));
      return { ExecutedVersion: '$LATEST', StatusCode: 200, Payload: JSON.parse(outcome.payload) as unknown };
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      // Step Functions puts the service before a service's own errors, and calls a refusal AWSLambdaException.
      const name = error.name === 'AccessDeniedException' ? 'AWSLambdaException' : error.name;
      throw named(
        `Lambda.${name}`,
        error.message,
        `${error.message} (Service: Lambda, Status Code: ${error.status})`,
      );
    }
  };
}

const named = (name: string, message: string, cause = message): Error =>
  Object.assign(new Error(message, { cause }), { name });

/** What IAM must allow for a request to Step Functions. */
export function statesPermissions(action: string, body: Json, machineArns: readonly string[]): Permission[] {
  const on = text(body, 'executionArn') ?? text(body, 'stateMachineArn');
  if (on !== undefined) return [{ action: `states:${action}`, resources: [on] }];
  // A token does not say whose it is, and AWS lets roles name the machines: one of them must be allowed.
  return [{ action: `states:${action}`, resources: machineArns.length === 0 ? ['*'] : machineArns }];
}
