import { AwsError } from '../wire.ts';
import { evaluateForPrincipal, type Permission, type Statement } from './policy.ts';
import type { Roles } from './roles.ts';

/** Who is calling: root may do everything, everyone else what a role says. */
export type Caller =
  | { readonly kind: 'root' }
  | { readonly kind: 'role'; readonly roleArn: string; readonly name: string };

/** The access key id of people and tests on this machine. */
export const rootAccessKeyId = 'local';

export interface Guard {
  /** @throws AccessDeniedException, in the words that AWS uses, and says so loudly in the log */
  demand(caller: Caller, permission: Permission, resourcePolicy?: readonly Statement[]): void;
  allows(roleArn: string, permission: Permission): boolean;
}

export function createGuard(roles: Roles, log: (source: string, line: string) => void): Guard {
  return {
    allows: (roleArn, permission) => roles.check(roleArn, permission) === 'allowed',
    demand: (caller, permission, resourcePolicy = []) => {
      if (caller.kind === 'root') return;
      const own = roles.check(caller.roleArn, permission);
      const resources = evaluateForPrincipal(resourcePolicy, [`aws:${caller.roleArn}`], permission);
      // Within one account either policy may allow, and either may deny.
      const verdict = [own, resources].includes('denied by a statement') ? 'denied by a statement' : own;
      if (verdict !== 'denied by a statement' && [own, resources].includes('allowed')) return;
      const role = caller.roleArn.replace(/^.*role\//, '');
      const context =
        permission.context === undefined || Object.keys(permission.context).length === 0
          ? ''
          : ` (with ${JSON.stringify(permission.context)})`;
      const message =
        `User: arn:aws:sts::000000000000:assumed-role/${role}/${caller.name} is not authorized to perform: ` +
        `${permission.action} on resource: ${permission.resources[0] ?? '*'} because ` +
        (verdict === 'denied by a statement'
          ? 'of an explicit deny'
          : `no identity-based policy allows the ${permission.action} action`);
      log('iam', `ACCESS DENIED ${message}${context}`);
      throw new AwsError('AccessDeniedException', message);
    },
  };
}

/** `AWS4-HMAC-SHA256 Credential=<access key id>/20250101/us-east-1/dynamodb/aws4_request, …`; signatures are not verified. */
export const accessKeyIdOf = (authorization: string | undefined): string | undefined =>
  /Credential=([^/,\s]+)\//.exec(authorization ?? '')?.[1];
