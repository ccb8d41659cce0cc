import * as z from 'zod/mini';

/** The parts of DigitalOcean's answers that the driver reads; everything else in them is ignored. */

export const account = z.object({
  account: z.object({
    uuid: z.string(),
    email: z.string(),
    team: z.optional(z.object({ uuid: z.string(), name: z.string() })),
  }),
});

export const vpc = z.object({
  id: z.string(),
  name: z.string(),
  description: z.optional(z.nullable(z.string())),
  region: z.string(),
  ip_range: z.string(),
  /** Of its region: what names no VPC lands in it, and it cannot be deleted. */
  default: z.optional(z.boolean()),
});
export type Vpc = z.infer<typeof vpc>;

export const vpcMember = z.object({ urn: z.string(), name: z.optional(z.nullable(z.string())) });

export const droplet = z.object({
  id: z.int(),
  name: z.string(),
  status: z.enum(['new', 'active', 'off', 'archive']),
  created_at: z.string(),
  size_slug: z.string(),
  tags: z.array(z.string()),
  vpc_uuid: z.optional(z.nullable(z.string())),
  networks: z.object({
    v4: z.optional(z.array(z.object({ ip_address: z.string(), type: z.string() }))),
  }),
});
export type Droplet = z.infer<typeof droplet>;

export const loadBalancer = z.object({
  id: z.string(),
  name: z.string(),
  /** Empty until it is active. */
  ip: z.optional(z.nullable(z.string())),
  status: z.string(),
  size_unit: z.optional(z.int()),
  created_at: z.string(),
  region: z.object({ slug: z.string() }),
  vpc_uuid: z.optional(z.nullable(z.string())),
  /** Droplets that carry it are behind the balancer. */
  tag: z.optional(z.nullable(z.string())),
  droplet_ids: z.optional(z.nullable(z.array(z.int()))),
  forwarding_rules: z.array(
    z.object({
      entry_protocol: z.string(),
      entry_port: z.int(),
      target_protocol: z.string(),
      target_port: z.int(),
    }),
  ),
  health_check: z.object({
    protocol: z.string(),
    port: z.int(),
    path: z.optional(z.nullable(z.string())),
    check_interval_seconds: z.int(),
    response_timeout_seconds: z.int(),
    unhealthy_threshold: z.int(),
    healthy_threshold: z.int(),
  }),
  redirect_http_to_https: z.optional(z.boolean()),
  enable_proxy_protocol: z.optional(z.boolean()),
});
export type LoadBalancer = z.infer<typeof loadBalancer>;

const target = z.object({
  addresses: z.optional(z.nullable(z.array(z.string()))),
  tags: z.optional(z.nullable(z.array(z.string()))),
  droplet_ids: z.optional(z.nullable(z.array(z.int()))),
  load_balancer_uids: z.optional(z.nullable(z.array(z.string()))),
  kubernetes_ids: z.optional(z.nullable(z.array(z.string()))),
});
const rule = { protocol: z.string(), ports: z.optional(z.string()) };
export const firewall = z.object({
  id: z.string(),
  name: z.string(),
  tags: z.nullable(z.array(z.string())),
  droplet_ids: z.nullable(z.array(z.int())),
  inbound_rules: z.nullable(z.array(z.object({ ...rule, sources: target }))),
  outbound_rules: z.nullable(z.array(z.object({ ...rule, destinations: target }))),
});
export type Firewall = z.infer<typeof firewall>;
export type RuleTarget = z.infer<typeof target>;
