import type * as z from 'zod/mini';
import { region } from '../addresses.ts';
import { isJson } from '../wire.ts';
import type { Assembly } from './assembly.ts';
import { createResolver } from './intrinsics.ts';
import type { Kind, Names } from './kind.ts';
import { kinds, type Type } from './kinds.ts';

export interface Resource<T extends Type> {
  readonly logicalId: string;
  /** Resolved, checked, and without what is inert. */
  readonly properties: z.infer<(typeof kinds)[T]['carriedOut']>;
  /** The given name where a name is given. */
  readonly ref: string;
  readonly attribute: (name: string) => string;
}

/** A template with every function resolved and every property known. */
export interface Stack {
  readonly name: string;
  readonly outputs: Readonly<Record<string, string>>;
  all<T extends Type>(type: T): Resource<T>[];
  /** What `Ref` gives for a logical id; undefined for one that is not there. */
  readonly physicalId: (logicalId: string) => string | undefined;
  readonly codeFolder: (s3Key: string) => string | undefined;
}

const isType = (type: string): type is Type => Object.hasOwn(kinds, type);

/**
 * Resolves a stack's template for a platform at `baseUrl`.
 *
 * @throws one Error that lists every resource type and property that the local AWS does not carry out
 */
export function loadStack(assembly: Assembly, baseUrl: string): Stack {
  const { template, stackName } = assembly;
  const named = new Map<string, Names>();
  const beingNamed = new Set<string>();

  const names = (logicalId: string): Names => {
    const known = named.get(logicalId);
    if (known !== undefined) return known;
    const resource = template.Resources[logicalId];
    if (resource === undefined) throw new Error(`there is no resource or parameter ${logicalId}`);
    if (!isType(resource.Type)) throw new Error(`${logicalId}: ${resource.Type} is not supported`);
    if (beingNamed.has(logicalId)) throw new Error(`${logicalId}’s name depends on itself`);
    beingNamed.add(logicalId);
    const made = kinds[resource.Type].names({
      logicalId,
      stackName,
      baseUrl,
      text: (property) => {
        const given = resource.Properties?.[property];
        return given === undefined ? undefined : String(resolver.value(given));
      },
    });
    beingNamed.delete(logicalId);
    named.set(logicalId, made);
    return made;
  };

  const resolver = createResolver({
    template,
    stackName,
    ref: (logicalId) => names(logicalId).ref,
    getAtt: (logicalId, attribute) => {
      const found = names(logicalId).attributes?.[attribute];
      if (found === undefined)
        throw new Error(
          `${logicalId} (${template.Resources[logicalId]?.Type}) has no attribute ${attribute} here`,
        );
      return found;
    },
  });

  const resources = new Map<Type, Resource<Type>[]>();
  const problems: string[] = [];
  for (const [logicalId, { Type: type, Properties, Condition }] of Object.entries(template.Resources)) {
    const say = (problem: string): void => void problems.push(`${logicalId} (${type}): ${problem}`);
    if (!isType(type)) {
      say('resources of this type are not supported');
      continue;
    }
    try {
      if (Condition !== undefined && !resolver.condition(Condition)) continue;
      const kind: Kind = kinds[type];
      const resolved = resolver.value(Properties ?? {});
      const carried = Object.fromEntries(
        Object.entries(isJson(resolved) ? resolved : {}).filter(([name]) => !Object.hasOwn(kind.inert, name)),
      );
      const checked = kind.carriedOut.safeParse(atLocalAddresses(carried, baseUrl));
      if (!checked.success) {
        for (const issue of checked.error.issues) for (const problem of inWords(issue)) say(problem);
        continue;
      }
      const { ref, attributes } = names(logicalId);
      const list = resources.get(type) ?? [];
      resources.set(type, list);
      list.push({
        logicalId,
        properties: checked.data as never,
        ref,
        attribute: (name) => {
          const found = attributes?.[name];
          if (found === undefined) throw new Error(`${logicalId} has no ${name}`);
          return found;
        },
      });
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
  if (problems.length > 0)
    throw new Error(
      `the local AWS cannot run this template:\n${problems.map((each) => `- ${each}`).join('\n')}`,
    );

  const outputs: Record<string, string> = {};
  for (const [name, { Value, Condition }] of Object.entries(template.Outputs ?? {}))
    if (Condition === undefined || resolver.condition(Condition))
      outputs[name] = String(atLocalAddresses(resolver.value(Value), baseUrl));

  return {
    name: stackName,
    outputs,
    all: (type) => resources.get(type) ?? [],
    physicalId: (logicalId) =>
      template.Resources[logicalId] === undefined ? undefined : names(logicalId).ref,
    codeFolder: assembly.codeFolder,
  };
}

const inWords = (issue: z.core.$ZodIssue): string[] => {
  const path = issue.path.map(String);
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => `property ${[...path, key].join('.')} is not supported`)
    : [`property ${path.join('.')} has a value that is not supported: ${issue.message}`];
};

/** CDK writes an API's address from its parts; here every API lives at the platform's own address. */
function atLocalAddresses(value: unknown, baseUrl: string): unknown {
  if (typeof value === 'string')
    return value.replaceAll(
      new RegExp(`https://[0-9a-f]{10}\\.execute-api\\.${region}\\.amazonaws\\.com`, 'g'),
      baseUrl,
    );
  if (Array.isArray(value)) return value.map((each) => atLocalAddresses(each, baseUrl));
  if (isJson(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, atLocalAddresses(each, baseUrl)]),
    );
  return value;
}
