import { randomUUID } from 'node:crypto';
import { overlayAddress, type Node } from '../../shared/domain/node.ts';
import type { Offering } from '../../shared/domain/offering.ts';
import { exampleTime } from './cluster.ts';

/** A medium machine in AWS us-east-1. */
export const anOffering = (given: Partial<Offering> = {}): Offering => ({
  cloud: 'aws',
  region: 'us-east-1',
  zone: 'us-east-1a',
  instanceType: 'c6a.xlarge',
  architecture: 'amd64',
  lifecycle: 'on-demand',
  vcpus: 4,
  memoryGib: 8,
  usdPerHour: 0.153,
  ...given,
});

/** A planned worker; cloud, lifecycle and overlay address follow from offering and number unless they are given. */
export const aNode = (given: Partial<Node> & Pick<Node, 'clusterId'>): Node => {
  const offering = given.offering ?? anOffering(given.cloud === undefined ? {} : { cloud: given.cloud });
  const number = given.number ?? 1;
  return {
    id: randomUUID(),
    number,
    role: 'worker',
    offering,
    shape: 'medium',
    cloud: offering.cloud,
    accountId: 'main',
    lifecycle: offering.lifecycle,
    desired: 'present',
    phase: 'planned',
    attempt: 0,
    overlayAddress: overlayAddress(number),
    createdAt: exampleTime,
    ...given,
  };
};
