export { startLocalAws, type LocalAws, type LocalAwsOptions } from './platform.ts';
export type { BusEvent } from './events/input.ts';
export type { EventEntry, EventFilter } from './events/events.ts';
export { FunctionError, type FunctionFailure } from './lambda/function.ts';
export { account, region } from './addresses.ts';
export { rootAccessKeyId } from './iam/guard.ts';
export type { Route53World } from './route53/route53.ts';
