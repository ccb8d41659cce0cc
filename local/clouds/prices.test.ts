import { afterEach, describe, expect, it } from 'vitest';
import { control } from './control.ts';
import { instanceType } from './catalogue.ts';
import type { SimulatedCloud } from './world.ts';
import { World } from './world.ts';

const world = new World({});
const ask = (method: string, body?: object) => {
  const answer = control(world, {
    method,
    url: new URL('http://127.0.0.1/_control/prices'),
    headers: {},
    body: body === undefined ? '' : JSON.stringify(body),
  });
  const text = answer.body;
  return { status: answer.status, body: text === undefined ? undefined : (JSON.parse(text) as unknown) };
};

const price = (cloud: SimulatedCloud, name: string, lifecycle: 'on-demand' | 'spot', zone?: string) => {
  const type = instanceType(cloud, name);
  if (type === undefined) throw new Error(`no ${name}`);
  return world.prices.usdPerHour(cloud, type, lifecycle, zone);
};

describe('prices', () => {
  afterEach(() => {
    ask('DELETE');
  });

  it('are the catalogue’s until somebody moves them', () => {
    expect(price('aws', 'c6a.xlarge', 'on-demand')).toBe(0.153);
    expect(price('aws', 'c6a.xlarge', 'spot', 'us-east-1a')).toBe(0.067036);
    expect(price('digitalocean', 'c-4', 'spot')).toBeUndefined();
    expect(ask('GET')).toEqual({ status: 200, body: [] });
  });

  it('of a family, a type and a zone are moved together', () => {
    ask('POST', { cloud: 'aws', family: 'c6a', lifecycle: 'spot', factor: 2 });
    ask('POST', {
      cloud: 'aws',
      instanceType: 'c6a.xlarge',
      lifecycle: 'spot',
      zone: 'us-east-1a',
      factor: 3,
    });
    expect(price('aws', 'c6a.large', 'spot', 'us-east-1a')).toBe(0.067036);
    expect(price('aws', 'c6a.xlarge', 'spot', 'us-east-1a')).toBe(0.402216);
    expect(price('aws', 'c6a.xlarge', 'on-demand')).toBe(0.153);
    expect(price('aws', 'c6i.large', 'spot', 'us-east-1a')).toBe(0.035126);
  });

  it('differ by zone where they are AWS’s for spot', () => {
    expect(price('aws', 'c6a.xlarge', 'spot', 'us-east-1c')).toBe(0.064355);
    expect(price('aws', 'c6a.xlarge', 'on-demand', 'us-east-1c')).toBe(0.153);
    expect(price('gcp', 'n2-standard-4', 'spot', 'us-east4-c')).toBe(price('gcp', 'n2-standard-4', 'spot'));
  });

  it('moved again are moved from the catalogue’s, and by 1 they are it', () => {
    for (const [factor, usd] of [
      [2, 0.306],
      [0.5, 0.0765],
      [1, 0.153],
    ]) {
      expect(ask('POST', { cloud: 'aws', family: 'c6a', factor }).status).toBe(201);
      expect(price('aws', 'c6a.xlarge', 'on-demand')).toBe(usd);
    }
    expect(world.prices.changes()).toEqual([]);
  });

  it.each([
    ['cloud', { cloud: 'ibm', factor: 2 }],
    ['factor', { cloud: 'aws' }],
    ['factor', { cloud: 'aws', factor: 0 }],
    ['lifecycle', { cloud: 'aws', factor: 2, lifecycle: 'reserved' }],
    ['lifecycle', { cloud: 'digitalocean', factor: 2, lifecycle: 'spot' }],
    ['zone', { cloud: 'azure', factor: 2, lifecycle: 'spot', zone: '1' }],
    ['instanceType', { cloud: 'gcp', factor: 2, instanceType: 'n2-standard-4' }],
    ['instanceType', { cloud: 'aws', factor: 2, instanceType: 'c99.large' }],
    ['family', { cloud: 'azure', factor: 2, family: 'Zsv9' }],
  ])('are not moved with a wrong %s', (field, body) => {
    expect(ask('POST', body)).toEqual({
      status: 400,
      body: { error: expect.stringMatching(new RegExp(`^${field}: `)) as string },
    });
    expect(world.prices.changes()).toEqual([]);
  });
});
