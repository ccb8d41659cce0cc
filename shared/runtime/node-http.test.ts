import { createHash } from 'node:crypto';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { aNode } from '../../test/builders/node.ts';
import { answerNode, isSessionOf, NodeCallRefused } from './node-http.ts';

const event = { requestContext: { requestId: 'request-1' } } as unknown as APIGatewayProxyEventV2;
const refusing = (error: Error) =>
  answerNode(event, async () => {
    throw error;
  });

describe('an answer to a machine', () => {
  it('is kept by nobody on its way', async () => {
    expect(await answerNode(event, async () => ({ files: [] }))).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: '{"files":[]}',
    });
  });

  it('says when to ask again, where that helps', async () => {
    const later = await refusing(new NodeCallRefused(503, 'not yet', 5));
    expect(later).toMatchObject({ statusCode: 503, headers: { 'retry-after': '5' } });
    const never = await refusing(new NodeCallRefused(403, 'no'));
    expect(never.headers).toEqual({ 'content-type': 'application/problem+json' });
    expect(JSON.parse(never.body ?? '')).toMatchObject({ status: 403, detail: 'no', requestId: 'request-1' });
  });

  it('is Lambda’s to report when it is no refusal', async () => {
    await expect(refusing(new Error('broken'))).rejects.toThrow('broken');
  });
});

describe('a session', () => {
  const sessionHash = createHash('sha256').update('secret').digest('hex');
  const bound = aNode({ clusterId: 'c', sessionHash });
  it.each([
    ['its own secret', bound, 'secret', true],
    ['another secret', bound, 'other', false],
    ['no secret', bound, '', false],
    ['the hash itself', bound, sessionHash, false],
    ['a node that nobody was admitted to', aNode({ clusterId: 'c' }), 'secret', false],
    ['a node that is deleted', { ...bound, phase: 'deleted' } as const, 'secret', false],
    ['a hash that is none', { ...bound, sessionHash: 'x' }, 'secret', false],
    ['no node', undefined, 'secret', false],
  ])('of %s: %#', (_who, node, secret, expected) => {
    expect(isSessionOf(node, secret)).toBe(expected);
  });
});
