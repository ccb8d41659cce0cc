import * as z from 'zod/mini';
import { describe, expect, it } from 'vitest';
import { filesRequest } from './files-request.ts';

const isTaken = (given: object): boolean =>
  z.safeParse(filesRequest, { attempt: 1, kubernetes: 'v1.36.4', ...given }).success;
const inPlace = (place: object): boolean => isTaken({ place });

describe('a request for files', () => {
  it.each([
    ['a patch', { kubernetes: 'v1.36.12' }, true],
    ['a version without its v', { kubernetes: '1.36.4' }, false],
    ['a pre-release', { kubernetes: 'v1.36.0-rc.1' }, false],
    ['a version with more behind it', { kubernetes: 'v1.36.4\nkind: x' }, false],
    ['a minor', { kubernetes: 'v1.36' }, false],
    ['attempt nought', { attempt: 0 }, false],
    ['a field that nobody knows', { role: 'control-plane' }, false],
  ])('with %s', (_what, given, expected) => {
    expect(isTaken(given)).toBe(expected);
  });

  it.each([
    ['a project', { project: 'my-project-1' }, true],
    ['a project of a domain', { project: 'example.com:my-project-1' }, true],
    ['a project that is a path', { project: 'one/../two' }, false],
    ['a project in quotes', { project: 'my-"project' }, false],
    ['a subscription', { subscriptionId: '11111111-2222-1333-4444-555555555555' }, true],
    ['a subscription that is none', { subscriptionId: 'main' }, false],
    ['a resource group', { resourceGroup: 'overcast_(one).two-3' }, true],
    ['a resource group that ends in a dot', { resourceGroup: 'one.' }, false],
    ['a resource group that is a path', { resourceGroup: 'one/two' }, false],
    ['a resource group that ends a line', { resourceGroup: 'one\n' }, false],
    ['a place that nobody knows', { zone: 'us-east-1a' }, false],
  ])('from %s', (_what, place, expected) => {
    expect(inPlace(place)).toBe(expected);
  });
});
