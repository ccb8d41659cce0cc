import * as z from 'zod/mini';
import { policiesDocument } from './policies-document.ts';

const text = z.string().check(z.maxLength(256));

/**
 * The form of a cluster file: which fields there are, and their JSON types. What they may hold is decided by
 * planning/validate-cluster.ts, which knows regions, accounts and shapes.
 */
export const clusterDocument = z.strictObject({
  apiVersion: z.literal('overcast.dev/v1'),
  kind: z.literal('Cluster'),
  metadata: z.strictObject({ name: text }),
  spec: z.strictObject({
    region: text,
    clouds: z
      .array(z.strictObject({ cloud: text, account: z.optional(text) }))
      .check(z.minLength(1), z.maxLength(4)),
    configuration: z.optional(text),
    nodes: z.optional(
      z
        .array(
          z.strictObject({
            role: z.optional(text),
            cloud: z.optional(text),
            shape: z.optional(text),
            instanceType: z.optional(text),
            lifecycle: z.optional(text),
            count: z.optional(z.number()),
          }),
        )
        .check(z.maxLength(40)),
    ),
    kubernetesVersion: z.optional(text),
    vpn: z.optional(text),
    podRange: z.optional(text),
    ingress: z.optional(z.strictObject({ loadBalancers: z.optional(z.boolean()) })),
    policies: z.optional(policiesDocument),
  }),
});

export const addNodesDocument = z.strictObject({
  role: z.optional(text),
  cloud: text,
  shape: z.optional(text),
  instanceType: z.optional(text),
  lifecycle: z.optional(text),
  count: z.optional(z.number()),
});

export const restoreDocument = z.strictObject({ snapshot: z.optional(text) });
