import { isJson } from '../wire.ts';
import { conditionHolds, unknownInCondition, type Context } from './condition.ts';
import { matchesWildcard } from './wildcard.ts';

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly resources: readonly string[];
  readonly notResources: readonly string[];
  readonly condition: Readonly<Record<string, unknown>>;
  /** In resource policies: `service:lambda.amazonaws.com`, `aws:arn:…`, `*`. */
  readonly principals: readonly string[];
}

/** One thing that a caller wants to do. */
export interface Permission {
  readonly action: string;
  /** ARNs of which one must be allowed. `*` where AWS knows no resource for the action. */
  readonly resources: readonly string[];
  readonly context?: Context;
}

export type Verdict = 'allowed' | 'denied by a statement' | 'not allowed by any statement';

const list = (value: unknown): string[] =>
  value === undefined ? [] : (Array.isArray(value) ? value : [value]).map(String);

const principals = (value: unknown): string[] => {
  if (!isJson(value)) return list(value);
  return Object.entries(value).flatMap(([type, names]) =>
    list(names).map((name) => (name === '*' ? '*' : `${type.toLowerCase()}:${name}`)),
  );
};

/** @throws when the document says something that the local IAM would not check */
export function readPolicy(document: Readonly<Record<string, unknown>>): Statement[] {
  const statements = Array.isArray(document['Statement']) ? document['Statement'] : [document['Statement']];
  return statements.map((each: unknown) => {
    if (!isJson(each)) throw new Error(`a policy statement is an object, not ${JSON.stringify(each)}`);
    if (each['NotPrincipal'] !== undefined) throw new Error('NotPrincipal is not supported');
    const condition = isJson(each['Condition']) ? each['Condition'] : {};
    const unknown = unknownInCondition(condition);
    if (unknown !== undefined) throw new Error(`policy condition ${unknown} is not supported`);
    return {
      effect: each['Effect'] === 'Deny' ? 'Deny' : 'Allow',
      actions: list(each['Action']),
      notActions: list(each['NotAction']),
      resources: list(each['Resource']),
      notResources: list(each['NotResource']),
      condition,
      principals: principals(each['Principal']),
    };
  });
}

const concerns = (statement: Statement, action: string, resource: string, context: Context): boolean => {
  const is = (pattern: string): boolean => matchesWildcard(pattern.toLowerCase(), action.toLowerCase());
  const at = (pattern: string): boolean => matchesWildcard(pattern, resource);
  const actionFits =
    statement.notActions.length > 0 ? !statement.notActions.some(is) : statement.actions.some(is);
  const resourceFits =
    statement.notResources.length > 0 ? !statement.notResources.some(at) : statement.resources.some(at);
  return actionFits && resourceFits && conditionHolds(statement.condition, context);
};

/** What AWS's evaluation says: an explicit deny beats everything, and what nothing allows is not allowed. */
export function evaluate(statements: readonly Statement[], permission: Permission): Verdict {
  const context = permission.context ?? {};
  const verdicts = permission.resources.map((resource): Verdict => {
    const concerned = statements.filter((each) => concerns(each, permission.action, resource, context));
    if (concerned.some(({ effect }) => effect === 'Deny')) return 'denied by a statement';
    return concerned.length > 0 ? 'allowed' : 'not allowed by any statement';
  });
  return (
    verdicts.find((verdict) => verdict === 'allowed') ??
    verdicts.find((verdict) => verdict === 'denied by a statement') ??
    'not allowed by any statement'
  );
}

/** What a resource's own policy says to one of `callers` (`service:events.amazonaws.com`, `aws:<role ARN>`). */
export const evaluateForPrincipal = (
  statements: readonly Statement[],
  callers: readonly string[],
  permission: Permission,
): Verdict =>
  evaluate(
    statements.filter(({ principals }) => principals.some((each) => each === '*' || callers.includes(each))),
    permission,
  );
