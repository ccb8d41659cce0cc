import { createHash } from 'node:crypto';

export const region = 'us-east-1';
export const account = '000000000000';

export const arnOf = (service: string, resource: string): string =>
  `arn:aws:${service}:${region}:${account}:${resource}`;

/** Stable across restarts, so that what is kept on disk is found again: the same text gives the same hex digits. */
export const digest = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);

/** The last part of an ARN: `overcast-ProvisionNode` of `arn:aws:states:…:stateMachine:overcast-ProvisionNode`. */
export const lastPart = (arn: string): string =>
  arn.slice(Math.max(arn.lastIndexOf(':'), arn.lastIndexOf('/')) + 1);
