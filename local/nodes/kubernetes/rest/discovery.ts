import type { Json } from '../json.ts';
import { apiVersionOf, groupVersions, kinds, type Kind } from '../kinds.ts';
import type { ApiRequest, Reply } from './request.ts';

/** The version that the simulated clusters say they are of. */
export const kubernetesVersion = '1.36.2';

export const versionInfo: Json = {
  major: '1',
  minor: '36',
  gitVersion: `v${kubernetesVersion}`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-06-10T00:00:00Z',
  goVersion: 'go1.26',
  compiler: 'gc',
  platform: 'linux/amd64',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
};

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

const servedIn = ({ group, version }: GroupVersion): readonly Kind[] =>
  kinds.filter((kind) => kind.group === group && kind.version === version);

const resource = (kind: Kind): Json => ({
  resource: kind.plural,
  responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
  scope: kind.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: kind.singular,
  verbs: kind.verbs,
  ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
  ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
  ...(kind.subresources.length === 0
    ? {}
    : {
        subresources: kind.subresources.map((each) => ({
          subresource: each.name,
          responseKind: {
            group: each.group ?? kind.group,
            version: each.version ?? kind.version,
            kind: each.kind ?? kind.kind,
          },
          verbs: each.verbs,
        })),
      }),
});

const aggregated = (served: readonly GroupVersion[], version: string): Json => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: served.map((each) => ({
    metadata: { ...(each.group === '' ? {} : { name: each.group }), creationTimestamp: null },
    versions: [{ version: each.version, freshness: 'Current', resources: servedIn(each).map(resource) }],
  })),
});

const versionEntry = (each: GroupVersion): Json => ({
  groupVersion: apiVersionOf(each),
  version: each.version,
});

const group = (each: GroupVersion): Json => ({
  name: each.group,
  versions: [versionEntry(each)],
  preferredVersion: versionEntry(each),
});

const resourceList = (each: GroupVersion): Json => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: apiVersionOf(each),
  resources: servedIn(each).flatMap((kind) => [
    {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: kind.verbs,
      ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
      ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    },
    ...kind.subresources.map((sub) => ({
      name: `${kind.plural}/${sub.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version ?? '' }),
      kind: sub.kind ?? kind.kind,
      verbs: sub.verbs,
    })),
  ]),
});

/** The newest form of aggregated discovery that the client takes, if any. */
function aggregatedVersion(accept: string): string | undefined {
  const [, version] = /g=apidiscovery\.k8s\.io;v=(v2(?:beta1)?);as=APIGroupDiscoveryList/.exec(accept) ?? [];
  return version;
}

const ok = (body: unknown): Reply => ({ code: 200, body });

/** `/api`, `/apis` and what is under them that is not a resource; undefined: something else is asked for. */
export function discoveryOf({ path, accept }: Pick<ApiRequest, 'path' | 'accept'>): Reply | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  const [root, groupName = '', version = '', ...more] = parts;
  const core = groupVersions.filter((each) => each.group === '');
  const named = groupVersions.filter((each) => each.group !== '');
  if ((root !== 'api' && root !== 'apis') || more.length > 0) return undefined;
  if (parts.length === 1) {
    const form = aggregatedVersion(accept);
    if (form !== undefined)
      return {
        ...ok(aggregated(root === 'api' ? core : named, form)),
        contentType: `application/json;g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`,
      };
    return root === 'api'
      ? ok({
          kind: 'APIVersions',
          versions: core.map((each) => each.version),
          serverAddressByClientCIDRs: [],
        })
      : ok({ kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(group) });
  }
  if (root === 'api') {
    const found = core.find((each) => each.version === groupName);
    return found === undefined || version !== '' ? undefined : ok(resourceList(found));
  }
  const found = named.find((each) => each.group === groupName);
  if (found === undefined) return undefined;
  if (version === '') return ok({ kind: 'APIGroup', apiVersion: 'v1', ...group(found) });
  return found.version === version ? ok(resourceList(found)) : undefined;
}
