import { load } from 'js-yaml';
import { badRequest, unsupportedMediaType } from '../../errors.ts';
import { isRecord, recordOf, textOf, type Json } from '../../json.ts';
import { apiVersionOf, type Kind } from '../../kinds.ts';
import type { KubernetesObject } from '../../model.ts';
import { checked, type Findings } from '../../schema/check.ts';
import { fromProtobuf } from '../../schema/protobuf.ts';
import { typeOfKind } from '../../schema/types.ts';
import type { ApiRequest } from '../request.ts';

const mediaType = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase();

/** @throws ApiError BadRequest, UnsupportedMediaType */
export function parsedBody({ body, contentType }: Pick<ApiRequest, 'body' | 'contentType'>): unknown {
  const type = mediaType(contentType);
  if (type === 'application/vnd.kubernetes.protobuf') return fromProtobuf(body);
  if (type.includes('cbor'))
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
    );
  try {
    const text = body.toString();
    return type.endsWith('yaml') ? load(text) : JSON.parse(text);
  } catch (error) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

export function parsedRecord(request: Pick<ApiRequest, 'body' | 'contentType'>): Json {
  const body = parsedBody(request);
  if (!isRecord(body)) throw badRequest('the body of the request is not an object');
  return body;
}

export interface Decoded {
  readonly object: KubernetesObject;
  readonly warnings: readonly string[];
}

/**
 * Reads what is sent as an object of the kind. Unknown fields are left out and, by `fieldValidation`, refused, warned of
 * (when it says nothing) or ignored.
 *
 * @throws ApiError BadRequest
 */
export function decoded(raw: unknown, kind: Kind, query: URLSearchParams): Decoded {
  const body = recordOf(raw);
  const apiVersion = apiVersionOf(kind);
  const [givenVersion, givenKind] = [textOf(body['apiVersion']), textOf(body['kind'])];
  if (givenVersion !== '' && givenVersion !== apiVersion)
    throw badRequest(
      `the API version in the data (${givenVersion}) does not match the expected API version (${apiVersion})`,
    );
  if (givenKind !== '' && givenKind !== kind.kind)
    throw badRequest(
      `${givenKind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}`,
    );
  const findings: Findings = { unknown: [], wrong: [] };
  const type = typeOfKind(kind);
  const value = recordOf(
    type === undefined ? body : checked({ ...body, apiVersion, kind: kind.kind }, type, '', findings),
  );
  if (findings.wrong[0] !== undefined)
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${findings.wrong[0]}`,
    );
  const unknown = findings.unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  const how = query.get('fieldValidation') ?? 'Warn';
  if (unknown.length > 0 && how === 'Strict')
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${unknown.join(', ')}`,
    );
  const metadata = recordOf(value['metadata']);
  return {
    object: {
      ...value,
      apiVersion,
      kind: kind.kind,
      metadata: { ...metadata, name: textOf(metadata['name']) },
    },
    warnings: how === 'Ignore' ? [] : unknown,
  };
}
