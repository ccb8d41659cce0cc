/** More than a third of a word changed is another word. */
const changesMax = (word: string): number => Math.max(1, Math.floor(word.length / 3));

/** How many letters have to be put in, left out, changed or swapped with their neighbour (optimal string alignment). */
function changesBetween(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      line[column] = Math.min(
        (last[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, line];
  }
  return last[b.length] ?? 0;
}

const lettersMax = 64;

/** The one of the known words that was probably meant; undefined when none is near. Case and hyphens make no difference. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > lettersMax) return undefined;
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const [best] = known
    .map((candidate) => ({ candidate, changes: changesBetween(plain(word), plain(candidate)) }))
    .toSorted((a, b) => a.changes - b.changes);
  return best !== undefined && best.changes <= changesMax(word) ? best.candidate : undefined;
}
