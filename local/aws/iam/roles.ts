import type { Stack } from '../template/stack.ts';
import { evaluate, readPolicy, type Permission, type Statement, type Verdict } from './policy.ts';

/** AWS's own policies that templates may name: what they allow is not served here, so that they come to nothing. */
const managedPoliciesWithoutEffect = new Set([
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole',
  'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess',
]);

export interface Roles {
  /** @returns the verdict of the identity-based policies alone */
  check(roleArn: string, permission: Permission): Verdict;
  /** Whether the role lets the service (`lambda.amazonaws.com`) take it. */
  trusts(roleArn: string, service: string): boolean;
}

const explained = (logicalId: string, document: Readonly<Record<string, unknown>>): Statement[] => {
  try {
    return readPolicy(document);
  } catch (error) {
    throw new Error(`${logicalId}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
};

/** The template's roles with all policies that are attached to them. */
export function readRoles(stack: Stack): Roles {
  const statements = new Map<string, Statement[]>();
  const trust = new Map<string, Statement[]>();
  const roleNames = new Map<string, string>();

  const attach = (logicalId: string, roleName: string, document: Readonly<Record<string, unknown>>): void => {
    const arn = roleNames.get(roleName);
    if (arn === undefined) throw new Error(`${logicalId}: no role ${roleName} in this template`);
    statements.set(arn, [...(statements.get(arn) ?? []), ...explained(logicalId, document)]);
  };

  const managed = new Map(
    stack.all('AWS::IAM::ManagedPolicy').map(({ ref, properties }) => [ref, properties.PolicyDocument]),
  );
  for (const { logicalId, ref, properties, attribute } of stack.all('AWS::IAM::Role')) {
    roleNames.set(ref, attribute('Arn'));
    trust.set(attribute('Arn'), explained(logicalId, properties.AssumeRolePolicyDocument));
    for (const { PolicyDocument } of properties.Policies ?? []) attach(logicalId, ref, PolicyDocument);
    for (const arn of properties.ManagedPolicyArns ?? []) {
      const document = managed.get(arn);
      if (document !== undefined) attach(logicalId, ref, document);
      else if (!managedPoliciesWithoutEffect.has(arn))
        throw new Error(`${logicalId} (AWS::IAM::Role): the managed policy ${arn} is not supported`);
    }
  }
  for (const { logicalId, properties } of [
    ...stack.all('AWS::IAM::Policy'),
    ...stack.all('AWS::IAM::ManagedPolicy'),
  ])
    for (const role of properties.Roles ?? []) attach(logicalId, role, properties.PolicyDocument);

  return {
    check: (roleArn, permission) => evaluate(statements.get(roleArn) ?? [], permission),
    trusts: (roleArn, service) =>
      (trust.get(roleArn) ?? []).some(
        ({ effect, actions, principals }) =>
          effect === 'Allow' &&
          actions.includes('sts:AssumeRole') &&
          principals.includes(`service:${service}`),
      ),
  };
}
