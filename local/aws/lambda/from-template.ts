import { devNull } from 'node:os';
import { digest, region } from '../addresses.ts';
import type { Roles } from '../iam/roles.ts';
import type { Stack } from '../template/stack.ts';
import { asynchronousDefaults, type AsynchronousSettings } from './asynchronous.ts';
import type { FunctionConfiguration } from './function.ts';
import type { InvokePermission } from './lambda.ts';

/** Lambda's own defaults. */
const timeoutSecondsDefault = 3;
const memoryMbDefault = 128;

/** A key id of its own for every function: the Authorization header then says who calls. */
export const accessKeyIdOfFunction = (stackName: string, logicalId: string): string =>
  `AKIALOCAL${digest(`${stackName}/${logicalId}/key`, 11).toUpperCase()}`;

export function readFunctions(
  stack: Stack,
  roles: Roles,
  baseUrl: string,
  extraEnvironment: Readonly<Record<string, string>>,
): FunctionConfiguration[] {
  return stack.all('AWS::Lambda::Function').map(({ logicalId, ref, attribute, properties }) => {
    const folder = stack.codeFolder(properties.Code.S3Key);
    if (folder === undefined)
      throw new Error(`${logicalId} (AWS::Lambda::Function): no code folder for ${properties.Code.S3Key}`);
    if (!roles.trusts(properties.Role, 'lambda.amazonaws.com'))
      throw new Error(`${logicalId} (AWS::Lambda::Function): its role does not trust lambda.amazonaws.com`);
    const memoryMb = properties.MemorySize ?? memoryMbDefault;
    const accessKeyId = accessKeyIdOfFunction(stack.name, logicalId);
    return {
      logicalId,
      name: ref,
      arn: attribute('Arn'),
      roleArn: properties.Role,
      folder,
      handler: properties.Handler,
      timeoutMs: (properties.Timeout ?? timeoutSecondsDefault) * 1000,
      memoryMb,
      ...(properties.ReservedConcurrentExecutions === undefined
        ? {}
        : { reservedConcurrency: properties.ReservedConcurrentExecutions }),
      environment: {
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ENDPOINT_URL: baseUrl,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: digest(accessKeyId, 40),
        AWS_SESSION_TOKEN: 'local',
        // The developer's own profiles and keys must never come into play.
        AWS_CONFIG_FILE: devNull,
        AWS_SHARED_CREDENTIALS_FILE: devNull,
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        AWS_LAMBDA_FUNCTION_NAME: ref,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${ref}`,
        AWS_LAMBDA_LOG_STREAM_NAME: 'local',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
        LAMBDA_TASK_ROOT: folder,
        _HANDLER: properties.Handler,
        TZ: 'UTC',
        ...Object.fromEntries(
          Object.entries(properties.Environment?.Variables ?? {}).map(([name, value]) => [
            name,
            String(value),
          ]),
        ),
        ...extraEnvironment,
      },
    };
  });
}

export const readPermissions = (
  stack: Stack,
  functions: readonly FunctionConfiguration[],
): InvokePermission[] =>
  stack.all('AWS::Lambda::Permission').flatMap(({ logicalId, properties }) => {
    if (properties.Action !== 'lambda:InvokeFunction')
      throw new Error(`${logicalId} (AWS::Lambda::Permission): action ${properties.Action} is not supported`);
    return {
      functionArn: functionNamed(functions, properties.FunctionName, logicalId).arn,
      principal: properties.Principal,
      ...(properties.SourceArn === undefined ? {} : { sourceArn: properties.SourceArn }),
    };
  });

export function readAsynchronousSettings(
  stack: Stack,
  functions: readonly FunctionConfiguration[],
): Map<string, AsynchronousSettings> {
  const settings = new Map<string, AsynchronousSettings>();
  for (const { ref, properties } of stack.all('AWS::Lambda::Function'))
    if (properties.DeadLetterConfig !== undefined)
      settings.set(ref, { ...asynchronousDefaults, deadLetterArn: properties.DeadLetterConfig.TargetArn });
  for (const { logicalId, properties } of stack.all('AWS::Lambda::EventInvokeConfig')) {
    const { name } = functionNamed(functions, properties.FunctionName, logicalId);
    const onFailureArn = properties.DestinationConfig?.OnFailure?.Destination;
    const onSuccessArn = properties.DestinationConfig?.OnSuccess?.Destination;
    settings.set(name, {
      ...asynchronousDefaults,
      ...settings.get(name),
      ...(properties.MaximumRetryAttempts === undefined ? {} : { retries: properties.MaximumRetryAttempts }),
      ...(properties.MaximumEventAgeInSeconds === undefined
        ? {}
        : { ageSecondsMax: properties.MaximumEventAgeInSeconds }),
      ...(onFailureArn === undefined ? {} : { onFailureArn }),
      ...(onSuccessArn === undefined ? {} : { onSuccessArn }),
    });
  }
  return settings;
}

export function functionNamed(
  functions: readonly FunctionConfiguration[],
  id: string,
  wantedBy: string,
): FunctionConfiguration {
  const found = functions.find(({ name, arn }) => name === id || arn === id);
  if (found === undefined) throw new Error(`${wantedBy}: no function ${id} in this template`);
  return found;
}
