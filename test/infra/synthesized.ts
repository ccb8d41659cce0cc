import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pascalCase } from '../../infra/constructs/platform-function.ts';
import { projectFolder } from '../../infra/paths.ts';

export type Json = Readonly<Record<string, unknown>>;
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: Json;
}
export interface Statement {
  readonly actions: readonly string[];
  /** As text: `Table710B521B`, `Table710B521B/index/due`, `arn:…:secret:overcast/accounts/aws/*`. */
  readonly resources: readonly string[];
  readonly conditions: Json;
}

/** What `cdk deploy` would deploy; test/setup synthesizes it once before all tests. */
const template = JSON.parse(
  readFileSync(join(projectFolder, 'cdk.out', 'Overcast.template.json'), 'utf8'),
) as { Resources: Record<string, { Type: string; Properties?: Json; DeletionPolicy?: string }> };

export const allResources: readonly Resource[] = Object.entries(template.Resources).map(
  ([id, { Type, Properties = {} }]) => ({ id, type: Type, properties: Properties }),
);
export const resourcesOf = (type: string): readonly Resource[] =>
  allResources.filter((resource) => resource.type === type);

/** What becomes of these resources when the stack is deleted. */
export const deletionPolicyOf = (pattern: RegExp): readonly (string | undefined)[] =>
  Object.entries(template.Resources)
    .filter(([id]) => pattern.test(id))
    .map(([, { DeletionPolicy }]) => DeletionPolicy);

const listOf = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as unknown[]) : [value];

/** A value of the template as text: references by their logical id, joins joined. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Json;
  if (typeof Ref === 'string') return Ref.replace(/^AWS::/, '');
  if (Array.isArray(attribute)) return String(attribute[0]);
  if (Array.isArray(join)) {
    const [separator, parts] = join as [string, unknown[]];
    return parts.map(textOf).join(separator);
  }
  return JSON.stringify(value);
}

/** The logical id of the resource that a value refers to. */
export const idOf = (value: unknown): string => textOf(value);

const statementsIn = (document: unknown): readonly Statement[] =>
  listOf((document as { Statement?: unknown } | undefined)?.Statement).map((each) => {
    const { Action, Resource, Condition } = each as Json;
    return {
      actions: listOf(Action).map(String),
      resources: listOf(Resource).map(textOf),
      conditions: (Condition ?? {}) as Json,
    };
  });

export const roles = resourcesOf('AWS::IAM::Role');
/** Everything that a role may do, from whatever policy. */
export const rightsOf = (roleId: string): readonly Statement[] => [
  ...resourcesOf('AWS::IAM::Policy')
    .filter(({ properties }) => listOf(properties['Roles']).map(idOf).includes(roleId))
    .flatMap(({ properties }) => statementsIn(properties['PolicyDocument'])),
  ...roles
    .filter(({ id }) => id === roleId)
    .flatMap(({ properties }) =>
      listOf(properties['Policies']).flatMap((policy) => statementsIn((policy as Json)['PolicyDocument'])),
    ),
];
/** The resource policies of a queue. */
export const queuePoliciesOf = (queueId: string): readonly Statement[] =>
  resourcesOf('AWS::SQS::QueuePolicy')
    .filter(({ properties }) => listOf(properties['Queues']).map(idOf).includes(queueId))
    .flatMap(({ properties }) => statementsIn(properties['PolicyDocument']));

/** A function of functions.ts as it deploys. */
export function functionNamed(name: string): Resource & { readonly role: string } {
  const id = `${pascalCase(name)}Function`;
  const found = resourcesOf('AWS::Lambda::Function').find(
    (each) => each.id.replace(/[0-9A-F]{8}$/, '') === id,
  );
  if (found === undefined) throw new Error(`the template has no function ${name}`);
  return { ...found, role: idOf(found.properties['Role']) };
}

/** The environment that the template gives a function; references stand as their logical ids. */
export const environmentOf = (name: string): Readonly<Record<string, string>> => {
  const { Variables = {} } = (functionNamed(name).properties['Environment'] ?? {}) as { Variables?: Json };
  return Object.fromEntries(Object.entries(Variables).map(([key, value]) => [key, textOf(value)]));
};
