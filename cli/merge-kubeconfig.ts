import { dump, loadAll } from 'js-yaml';
import * as z from 'zod/mini';
import type { ClusterId } from '../shared/domain/ids.ts';
import { kubeconfigExtension } from '../shared/domain/kubeconfig.ts';

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
const originSchema = z.looseObject({ id: z.string(), installation: z.optional(z.string()) });
const lists = ['clusters', 'users', 'contexts'] as const;

/** No anchors: kubectl reads them, people do not. */
const write = (value: unknown): string => dump(value, { lineWidth: -1, noRefs: true });

/** The cluster that an entry of ours is for, and whose that is; undefined for the user's own. */
interface Origin {
  readonly id: ClusterId;
  readonly installation?: string | undefined;
}

function originOf(entry: Entry, kind: 'cluster' | 'user' | 'context'): Origin | undefined {
  const parsed = z.safeParse(
    z.looseObject({ extensions: z.array(z.looseObject({ name: z.string(), extension: z.unknown() })) }),
    entry[kind],
  );
  const ours = parsed.data?.extensions.find(({ name }) => name === kubeconfigExtension);
  return z.safeParse(originSchema, ours?.extension).data;
}

/** Within an installation a name is one cluster's at a time: the next one of that name takes its entries over. */
const mayTakeOver = (old: Origin, next: Origin | undefined): boolean =>
  next !== undefined &&
  (old.id === next.id || (old.installation !== undefined && old.installation === next.installation));

const kindOf = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;

/** There is an entry of this name that is the user's own, or another installation's: it is not overwritten. */
export class KubeconfigNameTaken extends Error {
  override readonly name = 'KubeconfigNameTaken';

  constructor(list: (typeof lists)[number], name: string, whose: string) {
    super(
      `the kubeconfig already has "${name}" among its ${list}, ${whose}: rename or remove it first, or use --output-file`,
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
 * @param issued what the API gave.
 * @throws KubeconfigUnreadable, KubeconfigNameTaken.
 */
export function mergeKubeconfig(existing: string, issued: string, options: { use: boolean }): string {
  const file = parse(existing);
  const added = parse(issued);
  const [first] = added.clusters ?? [];
  const next = first === undefined ? undefined : originOf(first, 'cluster');
  const merged: Record<string, unknown> = { apiVersion: 'v1', kind: 'Config', ...file };
  for (const list of lists) {
    const news = new Map((added[list] ?? []).map((entry) => [entry.name, entry]));
    const olds = file[list] ?? [];
    for (const old of olds) {
      if (!news.has(old.name)) continue;
      const origin = originOf(old, kindOf[list]);
      if (origin === undefined) throw new KubeconfigNameTaken(list, old.name, 'and not from Overcast');
      if (!mayTakeOver(origin, next))
        throw new KubeconfigNameTaken(list, old.name, 'from another installation of Overcast');
    }
    const kept = olds.filter(
      (old) => !news.has(old.name) && (next === undefined || originOf(old, kindOf[list])?.id !== next.id),
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

/** Whether a file has entries that are not Overcast's, or is no kubeconfig: it is not to be written over. */
export function holdsOthers(existing: string): boolean {
  try {
    const file = parse(existing);
    return lists.some((list) =>
      (file[list] ?? []).some((entry) => originOf(entry, kindOf[list]) === undefined),
    );
  } catch {
    return true;
  }
}

/** Their names: what `kubectl --context` takes. */
export const contextsOf = (issued: string): readonly string[] =>
  (parse(issued).contexts ?? []).map(({ name }) => name);
