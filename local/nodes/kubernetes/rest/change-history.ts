import type { ClusterObjects, ObjectChange } from '../model.ts';

const changesMax = 2000;

/** The last changes, so that a watch goes on where a list or a broken watch ended. */
export interface ChangeHistory {
  /** All changes after that version, oldest first; undefined when not all of them are remembered. */
  since(resourceVersion: number): readonly ObjectChange[] | undefined;
  close(): void;
}

export const versionOf = ({ object }: ObjectChange): number => Number(object.metadata.resourceVersion ?? 0);

export function createChangeHistory(objects: ClusterObjects): ChangeHistory {
  /** What is older than this is not known: it was before the server's start, or is forgotten. */
  let knownSince = objects.resourceVersion;
  let changes: ObjectChange[] = [];
  const stop = objects.listen((change) => {
    changes.push(change);
    if (changes.length < changesMax * 2) return;
    const forgotten = changes[changes.length - changesMax - 1];
    knownSince = forgotten === undefined ? knownSince : versionOf(forgotten);
    changes = changes.slice(-changesMax);
  });
  return {
    since: (resourceVersion) =>
      resourceVersion < knownSince
        ? undefined
        : changes.filter((change) => versionOf(change) > resourceVersion),
    close: stop,
  };
}
