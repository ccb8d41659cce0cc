import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** How a cluster is reached from outside was changed. Who builds it reads the cluster itself. */
export const ingressChanged = defineEvent({
  name: 'IngressChanged',
  sources: ['overcast.serve-api'],
  schema: z.strictObject({ clusterId, loadBalancers: z.boolean() }),
  example: { clusterId: exampleClusterId, loadBalancers: true },
});
export type IngressChanged = Detail<typeof ingressChanged>;
