import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * What the Google Cloud driver calls: service → methods, as the protocol descriptions spell them. The rest of
 * Compute Engine (11 MB of descriptions) stays out of the bundle. A call that is missing here fails in the bundle with
 * `is not a function`; gcp.test.ts runs the driver's whole contract through a bundle, so that it fails there first.
 */
const used: Readonly<Record<string, readonly string[]>> = {
  Instances: ['AggregatedList', 'Delete', 'Get', 'Insert', 'SetLabels', 'SetTags'],
  Disks: ['AggregatedList', 'Delete', 'Get'],
  Networks: ['Delete', 'Get', 'Insert', 'List', 'Patch', 'SwitchToCustomMode'],
  Subnetworks: ['Delete', 'Get', 'Insert', 'List'],
  Firewalls: ['Delete', 'Insert', 'List', 'Update'],
  Addresses: ['Delete', 'Insert', 'List'],
  RegionHealthChecks: ['Delete', 'Insert', 'List', 'Patch'],
  InstanceGroups: [
    'AddInstances',
    'AggregatedList',
    'Delete',
    'Get',
    'Insert',
    'ListInstances',
    'RemoveInstances',
  ],
  RegionBackendServices: ['Delete', 'Insert', 'List', 'Patch'],
  ForwardingRules: ['Delete', 'Insert', 'List'],
  Routes: ['Delete', 'Insert', 'List'],
  MachineTypes: ['List'],
  Projects: ['Get'],
  GlobalOperations: ['List'],
  RegionOperations: ['List'],
  ZoneOperations: ['List'],
};
const computePackage = ['google', 'cloud', 'compute', 'v1'];

/** A protobuf.js descriptor, as far as it is looked at: packages, messages, enums and services are all nested in one another. */
interface Descriptor {
  nested?: Record<string, Descriptor>;
  fields?: Record<string, { type: string }>;
  values?: Record<string, number>;
  methods?: Record<
    string,
    { requestType: string; responseType: string; options?: unknown; comment?: unknown }
  >;
  comment?: unknown;
  comments?: unknown;
}

const inside = (root: Descriptor, path: readonly string[]): Descriptor | undefined =>
  path.reduce<Descriptor | undefined>((at, name) => at?.nested?.[name], root);

/** Where the message is that a field of Compute Engine's calls `type`; a type inside a message is kept with its message. */
function placeOf(root: Descriptor, type: string): readonly string[] | undefined {
  const parts = type.replace(/^\./, '').split('.');
  for (const path of [[...computePackage, ...parts], parts])
    for (let length = 1; length <= path.length; length += 1) {
      const at = inside(root, path.slice(0, length));
      if (at !== undefined && (at.fields !== undefined || at.values !== undefined))
        return path.slice(0, length);
    }
  return undefined;
}

function put(root: Descriptor, path: readonly string[], descriptor: Descriptor): void {
  let at = root;
  for (const name of path.slice(0, -1)) {
    at.nested ??= {};
    at = at.nested[name] ??= {};
  }
  at.nested = { ...at.nested, [path.at(-1) ?? '']: descriptor };
}

/**
 * Leaves of the descriptions only these services, these methods of them, and every message and enum that can be
 * reached from those methods' requests and answers.
 */
export function prune(root: Descriptor, services: Readonly<Record<string, readonly string[]>>): Descriptor {
  const kept: Descriptor = {};
  const keep = (type: string): void => {
    const path = placeOf(root, type);
    // Numbers, strings and the like are nowhere.
    if (path === undefined || inside(kept, path) !== undefined) return;
    const message = inside(root, path) ?? {};
    const { comment: _comment, comments: _comments, ...rest } = message;
    put(kept, path, withoutIdleEnums(rest));
    for (const field of fieldsOf(message)) keep(field.type);
  };
  for (const [service, methods] of Object.entries(services)) {
    const path = [...computePackage, service];
    const description = inside(root, path);
    if (description === undefined) throw new Error(`@google-cloud/compute has no service ${service}`);
    const keptMethods = methods.map((name) => {
      const method = description.methods?.[name];
      if (method === undefined) throw new Error(`@google-cloud/compute has no ${service}.${name}`);
      keep(method.requestType);
      keep(method.responseType);
      // REST mode reads `parsedOptions`; `options` says the same once more.
      const { options: _options, comment: _comment, ...rest } = method;
      return [name, rest] as const;
    });
    put(kept, path, { ...description, methods: Object.fromEntries(keptMethods) });
  }
  return kept;
}

/** Compute Engine's enums are written down inside their messages, whose fields are strings and never name them. */
function withoutIdleEnums(message: Descriptor): Descriptor {
  if (message.nested === undefined) return message;
  const named = new Set(fieldsOf(message).map(({ type }) => type));
  const nested = Object.fromEntries(
    Object.entries(message.nested).filter(([name, { values }]) => values === undefined || named.has(name)),
  );
  return { ...message, nested };
}

/** A message's fields, and those of the messages inside it. */
const fieldsOf = (message: Descriptor): { type: string }[] => [
  ...Object.values(message.fields ?? {}),
  ...Object.values(message.nested ?? {}).flatMap(fieldsOf),
];

const generatedMethod =
  /\n {4}(\w+)\(request, (?:optionsOrCallback, callback|options)\) \{\n[\s\S]*?\n {4}\}(?=\n)/g;

/**
 * Leaves of a generated client only what calls these methods; of those with pages, only what asks for one page after the
 * other.
 */
export function pruneClient(source: string, methods: readonly string[]): string {
  const kept = new Set(methods.map((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`));
  const isPaged = (name: string): boolean => source.includes(`\n    ${name}Async(`);
  return source.replaceAll(generatedMethod, (text, name: string) => {
    const bare = name.replace(/Async$/, '');
    return kept.has(bare) && isPaged(bare) === (bare !== name) ? text : '';
  });
}

/** `region_health_checks_client.js` is RegionHealthChecks'. */
const serviceOf = (path: string): string =>
  (/(\w+)_client\.js$/.exec(path)?.[1] ?? '')
    .split('_')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('');

/** google-gax without gRPC: its fallback, and the two things that the clients take from its index besides. */
const thinGax = `
const fallback = require('google-gax/fallback');
// proto3-json-serializer knows a 64-bit integer by its class's name, which minifying takes away.
Object.defineProperty(fallback.protobuf.util.Long, 'name', { value: 'Long' });
// Each client would hash the descriptions to see whether they are known; in a bundle they are one and the same object.
const roots = new WeakMap();
fallback.GrpcClient.prototype.loadProtoJSON = (json) => {
  if (!roots.has(json)) roots.set(json, fallback.protobuf.Root.fromJSON(json));
  return roots.get(json);
};
const silent = { info() {}, debug() {}, warn() {}, error() {} };
module.exports = {
  ...fallback,
  fallback,
  // Requests carry the nodes' user-data: nothing may ever switch their logging on.
  loggingUtils: { log: () => silent },
  decodeAnyProtosInArray: (details) => details,
};
`;

/**
 * Modules of google-gax's that the driver has no use for: gRPC's IAM, locations and long-running clients with their
 * descriptions.
 */
const emptied: readonly RegExp[] = [
  /google-gax\/build\/protos\/(?:iam_service|locations|operations|compute_operations)\.js$/,
  /google-gax\/build\/src\/(?:iamService|locationService|operationsClient)\.js$/,
];

const fromGax = /[/\\]google-gax[/\\]/;

/**
 * What Google's modules get instead of packages that are there for what the driver never does: fetching with something
 * other than the built-in fetch, streaming answers, and finding out from the machine who one is.
 */
const standIns: Readonly<Record<string, string>> = {
  'node-fetch': 'export default (...request) => fetch(...request);',
  duplexify: 'module.exports = class Duplexify {};',
  'retry-request': "module.exports = () => { throw new Error('no streaming here'); };",
  // Asked for by gax only; the driver's own credentials import what they need of it by its path.
  'google-auth-library':
    "exports.GoogleAuth = class { constructor() { throw new Error('an auth client must be given'); } };",
};
const googles = /[/\\](?:google-[a-z-]+|gaxios|gcp-metadata)[/\\]/;

/**
 * Brings a bundle that holds the Google Cloud driver from 29 MB to well under one. They look only at Google's own
 * modules and can be there for every bundle.
 */
export function gcpPlugins(): Plugin[] {
  return [
    {
      name: 'gcp-protos',
      setup(build) {
        build.onLoad(
          { filter: /@google-cloud[/\\]compute[/\\]build[/\\]protos[/\\]protos\.json$/ },
          async ({ path }) => ({
            contents: JSON.stringify(prune(JSON.parse(await readFile(path, 'utf8')) as Descriptor, used)),
            loader: 'json',
          }),
        );
      },
    },
    {
      name: 'gcp-clients',
      setup(build) {
        build.onLoad(
          { filter: /@google-cloud[/\\]compute[/\\]build[/\\]src[/\\]v1[/\\]\w+_client\.js$/ },
          async ({ path }) => ({
            contents: pruneClient(await readFile(path, 'utf8'), used[serviceOf(path)] ?? []),
            loader: 'js',
          }),
        );
      },
    },
    {
      name: 'gcp-gax',
      setup(build) {
        build.onResolve({ filter: /^google-gax$/ }, ({ resolveDir }) => ({
          path: 'google-gax',
          namespace: 'gcp-thin-gax',
          pluginData: { resolveDir },
        }));
        build.onLoad({ filter: /.*/, namespace: 'gcp-thin-gax' }, ({ pluginData }) => ({
          contents: thinGax,
          loader: 'js',
          resolveDir: (pluginData as { resolveDir: string }).resolveDir,
        }));
        build.onLoad({ filter: fromGax }, ({ path }) =>
          emptied.some((pattern) => pattern.test(path.replaceAll('\\', '/')))
            ? { contents: 'module.exports = {};', loader: 'js' }
            : undefined,
        );
      },
    },
    {
      name: 'gcp-stand-ins',
      setup(build) {
        const names = Object.keys(standIns).join('|');
        build.onResolve({ filter: new RegExp(`^(?:${names})$`) }, ({ path, importer }) =>
          googles.test(importer) ? { path, namespace: 'gcp-stand-ins' } : undefined,
        );
        build.onLoad({ filter: /.*/, namespace: 'gcp-stand-ins' }, ({ path }) => ({
          contents: standIns[path] ?? '',
          loader: 'js',
        }));
      },
    },
  ];
}
