import { isNotFound } from './failures.ts';

/** The API's own limit. */
export const pageSize = 500;
/** Paging is ours to ask for: without this the SDK warns the whole process. */
export const onePageAtATime = { autoPaginate: false } as const;
const itemsMax = 100_000;

export async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) {
    items.push(item);
    if (items.length > itemsMax) throw new Error(`a list of more than ${itemsMax} entries`);
  }
  return items;
}

/** The first of an SDK answer's tuple, or undefined when the resource is not there. */
export async function found<T>(answer: Promise<[T, ...unknown[]]>): Promise<T | undefined> {
  try {
    return (await answer)[0];
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The last part of a resource's URL: its name. */
export const lastOf = (url: string | null | undefined): string => (url ?? '').split('/').at(-1) ?? '';

/** What is only in one of two lists; order and repetition mean nothing. */
export function compared(
  has: readonly string[],
  wants: readonly string[],
): { readonly missing: readonly string[]; readonly surplus: readonly string[] } {
  return {
    missing: [...new Set(wants)].filter((entry) => !has.includes(entry)),
    surplus: [...new Set(has)].filter((entry) => !wants.includes(entry)),
  };
}
