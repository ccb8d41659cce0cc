/** Azure's own pages hold hundreds; a list that is longer than this never ends. */
const itemsMax = 200_000;

/** Every item of every page. */
export async function allOf<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of list) {
    items.push(item);
    if (items.length > itemsMax) throw new Error(`a list of more than ${itemsMax} resources`);
  }
  return items;
}
