import type { CloudName } from '../domain/cloud.ts';
import type { SeenStranger } from '../domain/observation.ts';

export type GuardVerdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      /** Each stranger by cloud, kind, id, name and where it sits, at most 1,024 characters in all. */
      readonly reason: string;
      readonly strangers: readonly (SeenStranger & { readonly cloud: CloudName })[];
    };

const reasonCharactersMax = 1024;

/**
 * Whether a cluster may be taken down: never while something in its networks or groups is not its own. Pass what was
 * seen just now, in every cloud of the cluster: a cloud that could not be looked at is not free of strangers.
 */
export function guardDeletion(options: {
  clusterName: string;
  observations: readonly { readonly cloud: CloudName; readonly strangers: readonly SeenStranger[] }[];
}): GuardVerdict {
  const all = options.observations.flatMap(({ cloud, strangers: seen }) =>
    seen.map((stranger) => ({ cloud, ...stranger })),
  );
  // Machines first: what came with them goes with them, and in Azure has ids that would leave no room for other clouds.
  const strangers = [
    ...all.filter(({ kind }) => kind === 'machine'),
    ...all.filter(({ kind }) => kind !== 'machine'),
  ];
  if (strangers.length === 0) return { allowed: true };
  const sentences = strangers.map(
    ({ cloud, kind, id, name, inside }) =>
      `${cloud}: ${kind} ${id}${name === '' || name === id ? '' : ` (${name})`} in ${inside} is not ${options.clusterName}'s`,
  );
  return { allowed: false, reason: shorten(sentences), strangers };
}

/** As many whole sentences as fit, and how many were left out. */
function shorten(sentences: readonly string[]): string {
  const whole = sentences.join('; ');
  if (whole.length <= reasonCharactersMax) return whole;
  const kept: string[] = [];
  const roomForRest = 24;
  let length = 0;
  for (const sentence of sentences) {
    length += sentence.length + 2;
    if (length > reasonCharactersMax - roomForRest) break;
    kept.push(sentence);
  }
  const left = sentences.length - kept.length;
  return kept.length === 0 ? whole.slice(0, reasonCharactersMax) : `${kept.join('; ')}; and ${left} more`;
}
