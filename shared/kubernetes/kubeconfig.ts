import { dump, loadAll } from 'js-yaml';
import * as z from 'zod/mini';
import type { ClusterId } from '../domain/ids.ts';
import { apiServerPort } from '../domain/network.ts';
import { controlPlaneHost } from '../planning/kubeadm-config-endpoint.ts';
import type { Credential } from './pki/certificate.ts';

/** One named entry of a kubeconfig's lists. Whatever else it holds is kept. */
const entrySchema = z.looseObject({ name: z.string() });
/** kubectl writes `null` for an empty list. */
const entriesSchema = z.nullish(z.array(entrySchema));
const fileSchema = z.looseObject({
  clusters: entriesSchema,
  users: entriesSchema,
  contexts: entriesSchema,
  'current-context': z.nullish(z.string()),
});

type Entry = z.output<typeof entrySchema>;
const lists = ['clusters', 'users', 'contexts'] as const;

export interface Kubeconfig {
  readonly apiVersion: 'v1';
  readonly kind: 'Config';
  readonly clusters: readonly Entry[];
  readonly users: readonly Entry[];
  readonly contexts: readonly Entry[];
  readonly 'current-context': string;
}

/** How entries of ours are known again: kubectl keeps extensions it does not know. */
const extensionName = 'overcast.dev/cluster';
const extensionsOf = (clusterId: ClusterId) => [{ name: extensionName, extension: { id: clusterId } }];

export interface KubeconfigInput {
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  readonly caCertificatePem: string;
  /** The control planes' names and public addresses (of the local platform: `127.0.0.1` and a port of its own). */
  readonly controlPlanes: readonly {
    readonly name: string;
    readonly address: string;
    readonly port?: number;
  }[];
  /** From `issueAdminCredential`. */
  readonly credential: Pick<Credential, 'certificatePem' | 'privateKey'>;
  readonly user: string;
}

const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/**
 * A person's access to one cluster, whose name is known to no DNS: each control plane is dialled by its address and held to
 * the cluster's own name. kubectl knows one server per context, so there is a context for each control plane; the first
 * one's is named as the cluster, the others are for the day it does not answer.
 *
 * @throws Error when no control plane has a public address.
 */
export function buildKubeconfig(input: KubeconfigInput): Kubeconfig {
  const { clusterId, clusterName, controlPlanes } = input;
  if (controlPlanes.length === 0) throw new Error(`cluster ${clusterName} has no control plane to talk to`);
  const user = `${clusterName}-${input.user}`;
  const named = controlPlanes.map((each, index) => ({
    ...each,
    name: index === 0 ? clusterName : `${clusterName}-at-${each.name}`,
  }));
  const extensions = extensionsOf(clusterId);
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: named.map(({ name, address, port = apiServerPort }) => ({
      name,
      cluster: {
        server: `https://${hostOf(address)}:${port}`,
        'tls-server-name': controlPlaneHost(clusterId),
        'certificate-authority-data': base64(input.caCertificatePem),
        extensions,
      },
    })),
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': base64(input.credential.certificatePem),
          'client-key-data': base64(input.credential.privateKey.reveal()),
          extensions,
        },
      },
    ],
    contexts: named.map(({ name }) => ({ name, context: { cluster: name, user, extensions } })),
    'current-context': clusterName,
  };
}

export const renderKubeconfig = (config: Kubeconfig): string => write(config);

/** No anchors: kubectl reads them, people do not. */
const write = (value: unknown): string => dump(value, { lineWidth: -1, noRefs: true });

/** The cluster an entry of ours is for; undefined for the user's own. */
function clusterOf(entry: Entry, kind: 'cluster' | 'user' | 'context'): ClusterId | undefined {
  const parsed = z.safeParse(
    z.looseObject({ extensions: z.array(z.looseObject({ name: z.string(), extension: z.unknown() })) }),
    entry[kind],
  );
  const ours = parsed.data?.extensions.find(({ name }) => name === extensionName);
  return z.safeParse(z.looseObject({ id: z.string() }), ours?.extension).data?.id;
}

const kindOf = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;

/** The user has an entry of this name that is not ours: it is not overwritten. */
export class KubeconfigNameTaken extends Error {
  override readonly name = 'KubeconfigNameTaken';

  constructor(list: (typeof lists)[number], name: string) {
    super(
      `the kubeconfig already has "${name}" among its ${list}, and not from Overcast: rename or remove it first`,
    );
  }
}

/** It is no kubeconfig: nothing is written over it. */
export class KubeconfigUnreadable extends Error {
  override readonly name = 'KubeconfigUnreadable';
}

function parse(text: string): z.output<typeof fileSchema> {
  let documents: readonly unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    // The parser's message would quote the file, and with it a key.
    throw new KubeconfigUnreadable('the kubeconfig is not YAML', { cause: (error as Error).name });
  }
  const parsed = z.safeParse(fileSchema, documents[0] ?? {});
  if (!parsed.success || documents.length > 1) throw new KubeconfigUnreadable('the file is not a kubeconfig');
  return parsed.data;
}

/**
 * The user's file with this cluster in it. Everything else stays: other clusters, fields nobody here knows, their order, and
 * the current context unless `use`. Entries of the same cluster are replaced, so that yesterday's credential and control
 * planes that are gone do not stay behind. Comments are lost, as with kubectl itself.
 *
 * @param existing the file's text; empty for none.
 * @throws KubeconfigUnreadable, KubeconfigNameTaken.
 */
export function mergeKubeconfig(existing: string, added: Kubeconfig, options: { use: boolean }): string {
  const file = parse(existing);
  const added0 = added.clusters[0];
  const clusterId = added0 === undefined ? undefined : clusterOf(added0, 'cluster');
  const merged: Record<string, unknown> = { apiVersion: 'v1', kind: 'Config', ...file };
  for (const list of lists) {
    const news = new Map(added[list].map((entry) => [entry.name, entry]));
    const olds = file[list] ?? [];
    for (const old of olds) {
      if (news.has(old.name) && clusterOf(old, kindOf[list]) === undefined)
        throw new KubeconfigNameTaken(list, old.name);
    }
    const kept = olds.filter(
      (old) => !news.has(old.name) && (clusterId === undefined || clusterOf(old, kindOf[list]) !== clusterId),
    );
    merged[list] = [...kept, ...news.values()];
  }
  const current = file['current-context'];
  const contexts = merged['contexts'] as readonly Entry[];
  // A current context that went with its control plane is no context any more.
  const isThere = contexts.some(({ name }) => name === current);
  const hasNone = current === undefined || current === null || current === '';
  const wasOurs = !hasNone && !isThere && (file.contexts ?? []).some(({ name }) => name === current);
  if (options.use || hasNone || wasOurs) merged['current-context'] = added['current-context'];
  return write(merged);
}
