import { describe, expect, it } from 'vitest';
import { createRouter } from './routes.ts';

const keys = [
  'GET /v1/clusters',
  'GET /v1/clusters/{id}',
  'ANY /v1/clusters/{id}',
  'GET /v1/clusters/main',
  'POST /v1/clusters/{id}/nodes/{number}/sync',
  'ANY /v1/{proxy+}',
  'GET /',
  '$default',
];
const route = createRouter(keys.map((key) => ({ key, target: key })));

describe('the most specific route wins', () => {
  it.each<[string, string, string, Record<string, string>]>([
    ['GET', '/v1/clusters', 'GET /v1/clusters', {}],
    ['POST', '/v1/clusters', 'ANY /v1/{proxy+}', { proxy: 'clusters' }],
    ['GET', '/v1/clusters/main', 'GET /v1/clusters/main', {}],
    ['GET', '/v1/clusters/other', 'GET /v1/clusters/{id}', { id: 'other' }],
    ['PUT', '/v1/clusters/other', 'ANY /v1/clusters/{id}', { id: 'other' }],
    ['PUT', '/v1/clusters/main', 'ANY /v1/clusters/{id}', { id: 'main' }],
    [
      'POST',
      '/v1/clusters/a%2Fb/nodes/7/sync',
      'POST /v1/clusters/{id}/nodes/{number}/sync',
      { id: 'a/b', number: '7' },
    ],
    ['GET', '/v1/clusters/a/nodes/7', 'ANY /v1/{proxy+}', { proxy: 'clusters/a/nodes/7' }],
    ['GET', '/', 'GET /', {}],
    ['GET', '/v1/', '$default', {}],
    ['GET', '/elsewhere', '$default', {}],
  ])('%s %s', (method, path, key, pathParameters) => {
    expect(route(method, path)).toEqual({ route: { key, target: key }, pathParameters });
  });

  it('finds nothing without $default', () => {
    expect(createRouter([{ key: 'GET /a', target: 1 }])('POST', '/a')).toBeUndefined();
  });
  it.each(['GET a', '/a', 'GET /{rest+}/a'])('refuses %s', (key) => {
    expect(() => createRouter([{ key, target: 1 }])).toThrow(/route key/);
  });
});
