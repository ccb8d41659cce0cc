import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { projectFolder } from '../../infra/paths.ts';
import { admitRequest } from '../../functions/admit-node/admit.ts';
import { createRouter } from '../../local/aws/http-api/routes.ts';
import { readAssembly } from '../../local/aws/template/assembly.ts';
import { loadStack } from '../../local/aws/template/stack.ts';
import { readNodeCall } from '../../shared/runtime/node-http.ts';

const clusterId = '0b54ee6a-3f0c-4f6e-9a27-0f3a2a9d1c11';
const body = JSON.stringify({ sessionSecret: 'a'.repeat(64), attempt: 1 });
const event = (given: {
  clusterId?: string;
  number?: string;
  authorization?: string;
  body?: string;
}): APIGatewayProxyEventV2 =>
  ({
    pathParameters: { clusterId: given.clusterId ?? clusterId, number: given.number ?? '1' },
    headers: { authorization: given.authorization ?? 'Bearer secret' },
    body: given.body ?? body,
    isBase64Encoded: false,
  }) as unknown as APIGatewayProxyEventV2;

describe('a machine’s call', () => {
  it('is read', () => {
    expect(readNodeCall(event({}), admitRequest)).toMatchObject({ clusterId, number: 1, bearer: 'secret' });
  });

  it.each([
    ['a number of another notation', { number: '0x1' }, 400],
    ['a number with an exponent', { number: '1e0' }, 400],
    ['a number with spaces', { number: ' 1' }, 400],
    ['a number with a fraction', { number: '1.0' }, 400],
    ['a number that no node has', { number: '100000' }, 400],
    ['nought', { number: '0' }, 400],
    ['no number', { number: '' }, 400],
    ['an id that is a path', { clusterId: 'a/b' }, 400],
    ['an id that is a key', { clusterId: `${clusterId}#NODE` }, 400],
    ['no bearer', { authorization: '' }, 401],
    ['a bearer of another kind', { authorization: 'Basic secret' }, 401],
    ['two bearers', { authorization: 'Bearer secret, Bearer other' }, 401],
    ['a bearer of any length', { authorization: `Bearer ${'a'.repeat(513)}` }, 401],
    ['a field that nobody knows', { body: body.replace('{', '{"admin":true,') }, 400],
    ['a field __proto__', { body: body.replace('{', '{"__proto__":{"attempt":2},') }, 400],
    ['a list', { body: '[]' }, 400],
    ['too much', { body: ' '.repeat(65 * 1024) }, 413],
    ['too much in few letters', { body: 'é'.repeat(40 * 1024) }, 413],
  ])('with %s is refused', (_, given, status) => {
    expect(() => readNodeCall(event(given), admitRequest)).toThrow(
      expect.objectContaining({ status }) as Error,
    );
  });

  it.each(['0x1', 'admin', 'hidden-value'])('is refused without showing what was sent: %s', (value) => {
    const call = (): unknown =>
      readNodeCall(event({ body: JSON.stringify({ sessionSecret: value }) }), admitRequest);
    expect(call).not.toThrow(value);
  });
});

describe('the deployed routes', () => {
  const stack = loadStack(
    readAssembly(process.env['CDK_OUTDIR'] ?? join(projectFolder, 'cdk.out')),
    'http://127.0.0.1:1',
  );
  const route = createRouter(
    stack.all('AWS::ApiGatewayV2::Route').map(({ properties }) => ({ key: properties.RouteKey, target: 0 })),
  );
  const keyOf = (method: string, path: string): string | undefined => route(method, path)?.route.key;
  const admit = `/v1/clusters/${clusterId}/nodes/1/admit`;

  it.each([
    ['POST', admit, 'POST /v1/clusters/{clusterId}/nodes/{number}/admit'],
    ['POST', admit.replace('admit', 'sync'), 'POST /v1/clusters/{clusterId}/nodes/{number}/sync'],
    ['POST', admit.replace('admit', 'files'), 'POST /v1/clusters/{clusterId}/nodes/{number}/files'],
    ['GET', admit.replace('admit', 'files'), 'GET /v1/{proxy+}'],
    // Everything beside the three calls themselves asks for an API key.
    ['POST', `${admit}/`, 'POST /v1/{proxy+}'],
    ['POST', `${admit}/x`, 'POST /v1/{proxy+}'],
    ['POST', `/v1//clusters/${clusterId}/nodes/1/admit`, 'POST /v1/{proxy+}'],
    ['POST', admit.replace('admit', 'Admit'), 'POST /v1/{proxy+}'],
    ['POST', admit.replace('admit', '%61dmit'), 'POST /v1/{proxy+}'],
    ['GET', admit, 'GET /v1/{proxy+}'],
    ['DELETE', admit, 'DELETE /v1/{proxy+}'],
    ['OPTIONS', admit, undefined],
    ['HEAD', '/v1/clusters', undefined],
    ['TRACE', '/v1/clusters', undefined],
    ['GET', '/', undefined],
    ['GET', '/v2/clusters', undefined],
  ])('%s %s goes to %s', (method, path, key) => {
    expect(keyOf(method, path)).toBe(key);
  });
});
