import { applyPatch, type Operation } from 'rfc6902';
import { ApiError, badRequest } from '../errors.ts';
import { isRecord } from '../json.ts';

const operations = new Set<unknown>(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/**
 * RFC 6902. All operations or none.
 *
 * @throws ApiError BadRequest when it is no patch; Invalid when an operation does not fit the object or a test fails.
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations');
  for (const each of patch)
    if (!isRecord(each) || !operations.has(each['op']) || typeof each['path'] !== 'string')
      throw badRequest(`Unexpected kind: ${JSON.stringify(isRecord(each) ? each['op'] : each)}`);
  const document: unknown = structuredClone(target);
  const failure = applyPatch(document, patch as Operation[]).find((error) => error !== null);
  if (failure !== null && failure !== undefined)
    throw new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request`, {
      causes: [{ reason: 'FieldValueInvalid', message: failure.message || failure.name }],
    });
  return document;
}
