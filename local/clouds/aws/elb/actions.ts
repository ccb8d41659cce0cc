import { page, type Action, type Call } from '../describe.ts';
import type { Tags } from '../state.ts';
import { ApiError, items, required, scalars, whole, type Form, type Xml } from '../wire.ts';
import type { ElbState } from './state.ts';

/** Source: Elastic Load Balancing API Reference, each action's PageSize. */
const pageSizeMax = 400;
/** Source: DescribeTags, "You can specify up to 20 resources". */
const taggedMax = 20;

export const validation = (message: string): ApiError => new ApiError('ValidationError', message);

export const tagParameters = ['Tags.member.N.Key', 'Tags.member.N.Value'];

export function parseTags(form: Form): Tags {
  const tags: Record<string, string> = {};
  for (const item of items(form, 'Tags.member')) {
    const key = required(item, 'Key');
    if (key in tags) throw new ApiError('DuplicateTagKeys', `A tag key was specified more than once: ${key}`);
    tags[key] = item.get('Value') ?? '';
  }
  return tags;
}

/** Up to 32 letters, digits and hyphens, none of them at an end. Source: CreateLoadBalancer, CreateTargetGroup, `Name`. */
export function nameIn(form: Form): string {
  const name = required(form, 'Name');
  if (name.length > 32) throw validation(`Name '${name}' cannot be longer than '32' characters`);
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(name) || name.startsWith('internal-'))
    throw validation(`Name '${name}' is not valid`);
  return name;
}

export function port(form: Form, name: string): number {
  const value = whole(form, name, { min: 1, max: 65535 });
  if (value === undefined) throw validation(`A ${name.toLowerCase()} must be specified`);
  return value;
}

/** A list by ARNs, by names, or page by page. */
export function listed<T extends { readonly id: string; readonly name?: string }>(
  { form }: Call,
  all: readonly T[],
  options: {
    readonly elb: ElbState;
    /** The parameter and the answer's list. */
    readonly arns: string;
    readonly set: string;
    readonly notFound: string;
    readonly render: (row: T) => Xml;
  },
): Readonly<Record<string, Xml>> {
  const [arns, names] = [scalars(form, `${options.arns}.member`), scalars(form, 'Names.member')];
  for (const wanted of [...arns, ...names])
    if (!all.some(({ id, name }) => id === wanted || name === wanted))
      throw new ApiError(options.notFound, `One or more of these were not found: ${wanted}`);
  const chosen = all.filter(
    ({ id, name = '' }) => arns.length + names.length === 0 || arns.includes(id) || names.includes(name),
  );
  whole(form, 'PageSize', { min: 1, max: pageSizeMax });
  const marker = form.get('Marker');
  const { rows, nextToken } = page(new Map(marker === undefined ? [] : [['NextToken', marker]]), chosen, {
    keyOf: ({ id }) => id,
    resultsMax: pageSizeMax,
    world: options.elb.ec2.world,
  });
  return { [options.set]: rows.map(options.render), NextMarker: nextToken };
}

/** Tags of all kinds of things at once. */
export function tagActions(elb: ElbState): Record<string, Action> {
  const { ec2 } = elb;
  const resources = (form: Form, region: string): string[] => {
    const arns = scalars(form, 'ResourceArns.member');
    if (arns.length === 0) throw validation('ResourceArns must be specified');
    if (arns.length > taggedMax) throw validation(`at most ${taggedMax} resources can be described at once`);
    for (const arn of arns) {
      const kinds = [
        ['LoadBalancerNotFound', elb.loadBalancers.get(arn)],
        ['TargetGroupNotFound', elb.targetGroups.get(arn)],
        ['ListenerNotFound', elb.listeners.get(arn)],
      ] as const;
      const [, found] = kinds.find(([, resource]) => resource !== undefined) ?? [];
      const [code] =
        kinds.find(([name]) => arn.includes(`:${name.replace('NotFound', '').toLowerCase()}/`)) ?? kinds[0];
      if (found === undefined || found.region !== region) throw new ApiError(code, `${arn} not found`);
    }
    return arns;
  };
  return {
    DescribeTags: {
      parameters: ['ResourceArns.member.N'],
      operation: 'readBalancer',
      run: ({ form, region }) => ({
        TagDescriptions: resources(form, region).map((arn) => ({
          ResourceArn: arn,
          Tags: Object.entries(ec2.tagsOf(arn)).map(([Key, Value]) => ({ Key, Value })),
        })),
      }),
    },
    AddTags: {
      parameters: ['ResourceArns.member.N', ...tagParameters],
      operation: 'changeBalancer',
      run({ form, region }) {
        const tags = parseTags(form);
        for (const arn of resources(form, region)) ec2.tag(arn, tags);
        return {};
      },
    },
    RemoveTags: {
      parameters: ['ResourceArns.member.N', 'TagKeys.member.N'],
      operation: 'changeBalancer',
      run({ form, region }) {
        const keys = scalars(form, 'TagKeys.member');
        for (const arn of resources(form, region)) ec2.untag(arn, (key) => !keys.includes(key));
        return {};
      },
    },
  };
}
