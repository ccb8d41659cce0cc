import type { Context } from 'hono';
import type { PeopleEnvironment } from './caller.ts';
import { Problem } from './problem.ts';

export type ApiContext = Context<PeopleEnvironment>;

const pageSize = { usual: 50, max: 200 } as const;

export const bodyOf = async (context: ApiContext): Promise<{ text: string; type: string | undefined }> => ({
  text: await context.req.text(),
  type: context.req.header('content-type'),
});

/** From 1 up, as people write it; undefined for `0x1`, `1e1` and everything else that JavaScript takes for a number. */
export const wholeNumber = (text: string): number | undefined =>
  /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;

/** How many entries a page is to have. @throws Problem 400 */
export const limitOf = (context: ApiContext): number => {
  const text = context.req.query('limit');
  const limit = text === undefined ? pageSize.usual : wholeNumber(text);
  if (limit === undefined || limit > pageSize.max)
    throw new Problem(400, `limit: a whole number from 1 to ${pageSize.max}`);
  return limit;
};

/** @throws Problem 400 for another word than these two. */
export const booleanOf = (context: ApiContext, name: string, otherwise: boolean): boolean => {
  const text = context.req.query(name) ?? String(otherwise);
  if (text !== 'true' && text !== 'false') throw new Problem(400, `${name}: true or false`);
  return text === 'true';
};

/** Whether the call only asks what would come of it. @throws Problem 400 */
export const isDryRun = (context: ApiContext): boolean => booleanOf(context, 'dryRun', false);

export const keyOf = (context: ApiContext): { idempotencyKey?: string } => {
  const key = context.req.header('idempotency-key');
  return key === undefined ? {} : { idempotencyKey: key };
};
