import { account, region } from '../addresses.ts';
import { isJson } from '../wire.ts';
import type { Template } from './assembly.ts';

export interface Scope {
  readonly template: Template;
  readonly stackName: string;
  /** What `Ref` of a resource gives; throws for one that is not there. */
  ref(logicalId: string): string;
  getAtt(logicalId: string, attribute: string): unknown;
}

/** `AWS::NoValue`: the property that holds it is as if it had not been written. */
const nothing = Symbol('AWS::NoValue');

/** Gives CloudFormation's functions their values. Unknown functions are errors: nothing is passed on half-resolved. */
export function createResolver(scope: Scope): {
  value(template: unknown): unknown;
  condition(name: string): boolean;
} {
  const { template } = scope;
  const pseudo: Readonly<Record<string, unknown>> = {
    'AWS::AccountId': account,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': scope.stackName,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/${scope.stackName}/local`,
    'AWS::NotificationARNs': [],
    'AWS::NoValue': nothing,
  };

  const ref = (name: string): unknown => {
    if (Object.hasOwn(pseudo, name)) return pseudo[name];
    const parameter = template.Parameters?.[name];
    if (parameter === undefined) return scope.ref(name);
    if (parameter.Default === undefined) throw new Error(`parameter ${name} has no default value`);
    return parameter.Default;
  };

  const getAtt = (argument: unknown): unknown => {
    const [logicalId, attribute] =
      typeof argument === 'string'
        ? [argument.slice(0, argument.indexOf('.')), argument.slice(argument.indexOf('.') + 1)]
        : (argument as [string, string]);
    return scope.getAtt(logicalId, attribute);
  };

  const list = (argument: unknown, name: string): unknown[] => {
    const resolved = value(argument);
    if (!Array.isArray(resolved)) throw new Error(`${name} wants a list, not ${JSON.stringify(argument)}`);
    return resolved;
  };

  const string = (argument: unknown, name: string): string => {
    const resolved = value(argument);
    if (typeof resolved === 'string') return resolved;
    if (typeof resolved === 'number' || typeof resolved === 'boolean') return String(resolved);
    throw new Error(`${name} wants text, not ${JSON.stringify(argument)}`);
  };

  const substitute = (argument: unknown): string => {
    const [pattern, variables] = Array.isArray(argument)
      ? [String(argument[0]), argument[1] as Record<string, unknown>]
      : [String(argument), {}];
    return pattern.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal === '!') return `\${${name}}`;
      if (Object.hasOwn(variables, name)) return string(variables[name], 'Fn::Sub');
      return String(name.includes('.') ? getAtt(name) : ref(name));
    });
  };

  const functions: Readonly<Record<string, (argument: unknown) => unknown>> = {
    Ref: (argument) => ref(String(argument)),
    'Fn::GetAtt': getAtt,
    'Fn::Join': (argument) => {
      const [separator, parts] = argument as [string, unknown];
      return list(parts, 'Fn::Join')
        .map((part) => string(part, 'Fn::Join'))
        .join(separator);
    },
    'Fn::Sub': substitute,
    'Fn::Select': (argument) => {
      const [index, from] = argument as [unknown, unknown];
      const chosen = list(from, 'Fn::Select')[Number(value(index))];
      if (chosen === undefined) throw new Error(`Fn::Select: nothing at ${JSON.stringify(index)}`);
      return chosen;
    },
    'Fn::Split': (argument) => {
      const [separator, from] = argument as [string, unknown];
      return string(from, 'Fn::Split').split(separator);
    },
    'Fn::Base64': (argument) => Buffer.from(string(argument, 'Fn::Base64')).toString('base64'),
    'Fn::FindInMap': (argument) => {
      const [map, first, second] = list(argument, 'Fn::FindInMap').map(String) as [string, string, string];
      const found = template.Mappings?.[map]?.[first]?.[second];
      if (found === undefined) throw new Error(`Fn::FindInMap: no ${map}.${first}.${second}`);
      return found;
    },
    'Fn::If': (argument) => {
      const [name, yes, no] = argument as [string, unknown, unknown];
      return value(condition(name) ? yes : no);
    },
    'Fn::Equals': (argument) => {
      const [left, right] = list(argument, 'Fn::Equals');
      return String(left) === String(right);
    },
    'Fn::Not': (argument) => !truth((argument as unknown[])[0]),
    'Fn::And': (argument) => (argument as unknown[]).every(truth),
    'Fn::Or': (argument) => (argument as unknown[]).some(truth),
    Condition: (argument) => condition(String(argument)),
  };

  const truth = (expression: unknown): boolean => value(expression) === true;

  const condition = (name: string): boolean => {
    const expression = template.Conditions?.[name];
    if (expression === undefined) throw new Error(`no condition ${name}`);
    return truth(expression);
  };

  const value = (input: unknown): unknown => {
    if (typeof input === 'string' && input.includes('{{resolve:'))
      throw new Error(`dynamic references are not supported: ${input}`);
    if (Array.isArray(input)) return input.map(value).filter((each) => each !== nothing);
    if (!isJson(input)) return input;
    const names = Object.keys(input);
    const [only] = names;
    // IAM statements have a property called Condition, whose value is an object and not a condition's name.
    const isCall =
      names.length === 1 &&
      only !== undefined &&
      (only === 'Ref' ||
        only.startsWith('Fn::') ||
        (only === 'Condition' && typeof input[only] === 'string'));
    if (isCall) {
      const call = functions[only];
      if (call === undefined) throw new Error(`${only} is not supported`);
      return call(input[only]);
    }
    return Object.fromEntries(
      Object.entries(input)
        .map(([name, each]) => [name, value(each)])
        .filter(([, each]) => each !== nothing),
    );
  };

  return { value, condition };
}
