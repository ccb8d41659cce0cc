import type { Json } from '../json.ts';
import { apiVersionOf, kinds, type Kind } from '../kinds.ts';
import { packageOf, schema, typeOfKind, type Field, type Type } from './types.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const fullName = (name: string): string =>
  name.startsWith('meta.v1.') ? `${meta}${name.slice('meta.v1.'.length)}` : `io.k8s.api.${name}`;

const scalarSchemas: Readonly<Record<string, Json>> = {
  string: { type: 'string' },
  integer: { type: 'integer', format: 'int32' },
  boolean: { type: 'boolean' },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  intOrString: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  time: { type: 'string', format: 'date-time' },
  bytes: { type: 'string', format: 'byte' },
};

const inSwagger = (root: string): boolean => root === '#/definitions/';

function schemaOf(type: Type, root: string): Json {
  switch (type.is) {
    case 'any':
      return { type: 'object' };
    case 'scalar':
      // OpenAPI 2 knows no alternatives.
      return inSwagger(root) && (type.scalar === 'quantity' || type.scalar === 'intOrString')
        ? { type: 'string' }
        : (scalarSchemas[type.scalar] ?? {});
    case 'struct':
      if (inSwagger(root)) return { $ref: `${root}${fullName(type.name)}` };
      return { allOf: [{ $ref: `${root}${fullName(type.name)}` }], default: {} };
    case 'map':
      return {
        type: 'object',
        additionalProperties: schemaOf(type.of, root),
        ...(type.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      };
    default:
      return {
        type: 'array',
        items: schemaOf(type.of, root),
        'x-kubernetes-list-type': type.how === 'keyed' ? 'map' : type.how,
        ...(type.how === 'keyed' ? { 'x-kubernetes-list-map-keys': type.keys } : {}),
      };
  }
}

function propertyOf(field: Field, root: string): Json {
  const strategies = [
    ...(field.mergeKey === undefined ? [] : ['merge']),
    ...(field.retainKeys ? ['retainKeys'] : []),
  ];
  return {
    ...schemaOf(field.type, root),
    ...(strategies.length === 0 ? {} : { 'x-kubernetes-patch-strategy': strategies.join(',') }),
    ...(field.mergeKey === undefined || field.mergeKey === ''
      ? {}
      : { 'x-kubernetes-patch-merge-key': field.mergeKey }),
  };
}

const gvkOf = ({ group, version, kind }: Kind): Json => ({ group, version, kind });

/** The schemas of the kinds and of all that they are made of. */
function schemasOf(served: readonly Kind[], root: string): Json {
  const found: Record<string, Json> = {};
  const visit = (type: Type): void => {
    if (type.is === 'map' || type.is === 'list') visit(type.of);
    if (type.is !== 'struct' || found[fullName(type.name)] !== undefined) return;
    const struct = schema().get(type.name);
    if (struct === undefined) return;
    const own = served.filter(
      (kind) => `${packageOf(kind.group)}.${kind.version}.${kind.kind}` === type.name,
    );
    found[fullName(type.name)] = {
      type: 'object',
      properties: Object.fromEntries(
        [...struct.fields].map(([name, field]) => [name, propertyOf(field, root)]),
      ),
      ...(own.length === 0 ? {} : { 'x-kubernetes-group-version-kind': own.map(gvkOf) }),
    };
    for (const { type: of } of struct.fields.values()) visit(of);
  };
  for (const kind of served) {
    const type = typeOfKind(kind);
    if (type !== undefined) visit(type);
  }
  return found;
}

const prefixOf = ({ group, version }: { group: string; version: string }): string =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

const queryParameters = (['dryRun', 'fieldManager', 'fieldValidation', 'force'] as const).map((name) => ({
  name,
  in: 'query',
  schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
}));

/** kubectl looks here whether a PATCH of the kind takes `fieldValidation`; more paths than that nobody reads. */
const pathsOf = (served: readonly Kind[]): Json =>
  Object.fromEntries(
    served.map((kind) => {
      const collection = kind.namespaced ? `namespaces/{namespace}/${kind.plural}` : kind.plural;
      const gvk = { 'x-kubernetes-group-version-kind': gvkOf(kind) };
      const operation = {
        ...gvk,
        parameters: queryParameters,
        responses: { 200: { description: 'OK' } },
      };
      return [
        `/${prefixOf(kind)}/${collection}/{name}`,
        {
          get: { 'x-kubernetes-action': 'get', ...gvk, responses: { 200: { description: 'OK' } } },
          ...(kind.verbs.includes('patch')
            ? { patch: { 'x-kubernetes-action': 'patch', ...operation } }
            : {}),
        },
      ];
    }),
  );

export const openApiPaths = (): readonly { readonly path: string; readonly apiVersion: string }[] =>
  [...new Map(kinds.map((kind) => [prefixOf(kind), apiVersionOf(kind)]))].map(([path, apiVersion]) => ({
    path,
    apiVersion,
  }));

/** `/openapi/v3`: where the documents of the groups are. */
export const openApiIndex = (): Json => ({
  paths: Object.fromEntries(
    openApiPaths().map(({ path }) => [path, { serverRelativeURL: `/openapi/v3/${path}` }]),
  ),
});

/** `/openapi/v3/apis/apps/v1`; undefined when that group is not served. */
export function openApiDocument(path: string, version: string): Json | undefined {
  const served = kinds.filter((kind) => prefixOf(kind) === path);
  if (served.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: pathsOf(served),
    components: { schemas: schemasOf(served, '#/components/schemas/') },
  };
}

/** `/openapi/v2` in JSON. */
export function swagger(version: string): Json {
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths: pathsOf(kinds),
    definitions: schemasOf(kinds, '#/definitions/'),
  };
}
