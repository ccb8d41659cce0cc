import {
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  ModifyListenerCommand,
  ModifyTargetGroupCommand,
  RegisterTargetsCommand,
  type ElasticLoadBalancingV2Client,
  type Listener as SeenListener,
  type LoadBalancer,
  type Tag,
  type TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { HealthCheck, Listener, LoadBalancerSpec } from '../../domain/load-balancer.ts';
import type { BalancerDetails, Balancers, Tagged } from './balancer-look.ts';
import { balancerName, targetGroupName } from './balancer-names.ts';
import { partNames } from './network-parts.ts';
import type { Wrong } from './network-steps.ts';
import { lostTags, tagKeys, tagsFor } from './tags.ts';

/** One change. All that are found in one look can be made at the same time, after those that come first. */
export interface BalancerStep {
  /** For people: `listener 443`. */
  readonly what: string;
  /** Empty where it belongs to a thing that is missing as a whole. */
  readonly wrong: readonly Wrong[];
  /** Gives a part the owner's tags back: before that nothing of it is changed. */
  readonly comesFirst?: true;
  run(client: ElasticLoadBalancingV2Client): Promise<unknown>;
}

/** What a look has shown of one cluster's balancer. */
export interface SeenBalancer extends Balancers, BalancerDetails {
  /** The instances in the balancer's VPC, and which of them can be members: those that run and carry the owner's tags. */
  readonly instances: { readonly all: ReadonlySet<string>; readonly able: ReadonlySet<string> };
}

/** What to do next so that the balancer becomes what the spec says: empty when it is. */
export function nextBalancerSteps(seen: SeenBalancer, spec: LoadBalancerSpec): BalancerStep[] {
  const balancer = seen.loadBalancers[0];
  const [steps, foundations] = [groupSteps(seen, spec), tagSteps(seen, spec)];
  if (balancer === undefined) return [createBalancer(spec), ...foundations, ...steps].map(onlyMissing);
  if (isElsewhere(balancer, spec)) return [replaceBalancer(balancer)];
  return [...foundations, ...steps, ...listenerSteps(seen, balancer, spec)];
}

/** Of a balancer that is not there nothing else is wrong. */
const onlyMissing = (step: BalancerStep, index: number): BalancerStep =>
  index === 0 ? step : { ...step, wrong: [] };

const wrong = (subject: string, message: string): Wrong => ({ subject: `load-balancer:${subject}`, message });

/** EC2's tags, in this service's type. */
const asTags = (tags: readonly { Key?: string | undefined; Value?: string | undefined }[]): Tag[] =>
  tags.map(({ Key = '', Value = '' }) => ({ Key, Value }));

const tagsOfParts = ({ owner, clusterName }: LoadBalancerSpec): Tag[] =>
  asTags(tagsFor(owner, { name: clusterName }));

const createBalancer = (spec: LoadBalancerSpec): BalancerStep => ({
  what: `load balancer ${balancerName(spec.owner)}`,
  wrong: [wrong('missing', 'there is no load balancer')],
  run: (client) =>
    client.send(
      new CreateLoadBalancerCommand({
        Name: balancerName(spec.owner),
        Type: 'network',
        Scheme: 'internet-facing',
        IpAddressType: 'ipv4',
        Subnets: [spec.network.parts[partNames.subnet] ?? ''],
        Tags: tagsOfParts(spec),
      }),
    ),
});

/** What can be chosen only when it is made: its kind, and whether and where it is in the VPC. */
const isElsewhere = (balancer: LoadBalancer, { network: { parts } }: LoadBalancerSpec): boolean =>
  balancer.Type !== 'network' ||
  balancer.Scheme !== 'internet-facing' ||
  balancer.VpcId !== parts[partNames.vpc] ||
  balancer.State?.Code === 'failed' ||
  balancer.AvailabilityZones?.map(({ SubnetId }) => SubnetId).join() !== parts[partNames.subnet];

const replaceBalancer = ({ LoadBalancerArn, State }: LoadBalancer): BalancerStep => ({
  what: `load balancer ${LoadBalancerArn ?? ''}, to be made anew`,
  wrong: [
    State?.Code === 'failed'
      ? wrong('failed', `AWS could not make it: ${State.Reason ?? 'no reason given'}`)
      : wrong('elsewhere', 'it is of another kind, or not in the subnet of the cluster'),
  ],
  run: (client) => client.send(new DeleteLoadBalancerCommand({ LoadBalancerArn })),
});

function tagSteps({ loadBalancers, targetGroups }: Balancers, spec: LoadBalancerSpec): BalancerStep[] {
  const part = (subject: string, arn: string | undefined, seen: Tag[]): BalancerStep[] => {
    const Tags = asTags(lostTags(seen, tagsOfParts(spec)));
    if (arn === undefined || Tags.length === 0) return [];
    const step: BalancerStep = {
      what: `tags of ${arn}`,
      wrong: [wrong(`${subject}tags`, `${arn} has lost ${Tags.map(({ Key }) => Key).join(', ')}`)],
      run: (client) => client.send(new AddTagsCommand({ ResourceArns: [arn], Tags })),
    };
    return [Tags.every(({ Key }) => Key === tagKeys.name) ? step : { ...step, comesFirst: true }];
  };
  return [
    ...loadBalancers.flatMap(({ LoadBalancerArn, Tags }) => part('', LoadBalancerArn, Tags)),
    ...targetGroups.flatMap(({ TargetGroupArn, TargetGroupName, Tags }) =>
      part(`target-group:${TargetGroupName ?? ''}:`, TargetGroupArn, Tags),
    ),
  ];
}

const healthCheckOf = (check: HealthCheck) =>
  ({
    HealthCheckProtocol: 'HTTP',
    HealthCheckPort: String(check.port),
    HealthCheckPath: check.path,
    HealthCheckIntervalSeconds: check.intervalSeconds,
    HealthCheckTimeoutSeconds: check.timeoutSeconds,
    HealthyThresholdCount: check.healthyAfter,
    UnhealthyThresholdCount: check.unhealthyAfter,
    Matcher: { HttpCode: '200' },
  }) as const;

const groupOf = (
  { targetGroups }: Balancers,
  { owner }: LoadBalancerSpec,
  { port }: Listener,
): Tagged<TargetGroup> | undefined =>
  targetGroups.find(({ TargetGroupName }) => TargetGroupName === targetGroupName(owner, port));

/** One target group for each port, with the same members in all; and none besides. */
function groupSteps(seen: SeenBalancer, spec: LoadBalancerSpec): BalancerStep[] {
  const wanted = new Set(spec.listeners.map(({ port }) => targetGroupName(spec.owner, port)));
  return [
    ...spec.listeners.flatMap((listener) => {
      const group = groupOf(seen, spec, listener);
      if (group === undefined) return [createGroup(spec, listener)];
      return isOfAnotherKind(group, listener, spec)
        ? [
            removeGroup(
              seen,
              group,
              wrong(
                `target-group:${listener.port}:kind`,
                `the target group of port ${listener.port} is of another kind`,
              ),
            ),
          ]
        : [...checkSteps(group, listener, spec), ...memberSteps(seen, group, listener, spec)];
    }),
    ...seen.targetGroups
      .filter(({ TargetGroupName = '' }) => !wanted.has(TargetGroupName))
      .map((group) =>
        removeGroup(
          seen,
          group,
          wrong(
            `surplus-target-group:${group.TargetGroupName ?? ''}`,
            `nobody asked for target group ${group.TargetGroupName ?? ''}`,
          ),
        ),
      ),
  ];
}

const createGroup = (spec: LoadBalancerSpec, { port, targetPort }: Listener): BalancerStep => ({
  what: `target group of port ${port}`,
  wrong: [wrong(`target-group:${port}:missing`, `port ${port} has no target group`)],
  run: (client) =>
    client.send(
      new CreateTargetGroupCommand({
        Name: targetGroupName(spec.owner, port),
        Protocol: 'TCP',
        Port: targetPort,
        VpcId: spec.network.parts[partNames.vpc],
        TargetType: 'instance',
        ...healthCheckOf(spec.healthCheck),
        Tags: tagsOfParts(spec),
      }),
    ),
});

/** What can be chosen only when it is made. */
const isOfAnotherKind = (
  group: TargetGroup,
  { targetPort }: Listener,
  { network: { parts } }: LoadBalancerSpec,
): boolean =>
  group.Protocol !== 'TCP' ||
  group.Port !== targetPort ||
  group.TargetType !== 'instance' ||
  group.VpcId !== parts[partNames.vpc];

/** Listeners that send to it go first: AWS keeps what is in use. */
const removeGroup = (
  { listeners }: BalancerDetails,
  { TargetGroupArn }: TargetGroup,
  because: Wrong,
): BalancerStep => ({
  what: `target group ${TargetGroupArn ?? ''}, to be removed`,
  wrong: [because],
  run: async (client) => {
    for (const { ListenerArn, DefaultActions } of listeners)
      if (DefaultActions?.some((action) => action.TargetGroupArn === TargetGroupArn) === true)
        await client.send(new DeleteListenerCommand({ ListenerArn }));
    await client.send(new DeleteTargetGroupCommand({ TargetGroupArn }));
  },
});

function checkSteps(
  group: TargetGroup,
  { port }: Listener,
  { healthCheck }: LoadBalancerSpec,
): BalancerStep[] {
  const { Matcher: matcher, ...fields } = healthCheckOf(healthCheck);
  const differing = Object.entries(fields)
    .filter(([field, value]) => group[field as keyof typeof fields] !== value)
    .map(([field]) => field.replace('HealthCheck', ''));
  if (group.Matcher?.HttpCode !== matcher.HttpCode) differing.push('Matcher');
  if (group.HealthCheckEnabled === false) differing.push('Enabled');
  if (differing.length === 0) return [];
  return [
    {
      what: `health check of port ${port}`,
      wrong: [
        wrong(
          `health-check:${port}`,
          `the health check of port ${port} was changed: ${differing.join(', ')}`,
        ),
      ],
      run: (client) =>
        client.send(
          new ModifyTargetGroupCommand({
            TargetGroupArn: group.TargetGroupArn,
            HealthCheckEnabled: true,
            ...healthCheckOf(healthCheck),
          }),
        ),
    },
  ];
}

/** An instance that is gone is no target that is too many: AWS takes it out by itself. */
function memberSteps(
  { targets, instances }: SeenBalancer,
  { TargetGroupArn = '' }: TargetGroup,
  { port }: Listener,
  spec: LoadBalancerSpec,
): BalancerStep[] {
  const has = targets.get(TargetGroupArn) ?? new Set<string>();
  const wanted = new Set(
    spec.members.map(({ providerId }) => providerId).filter((id) => instances.able.has(id)),
  );
  const missing = [...wanted].filter((id) => !has.has(id));
  const surplus = [...has].filter((id) => !wanted.has(id) && instances.all.has(id));
  const step = (
    ids: readonly string[],
    what: 'missing' | 'surplus',
    send: (client: ElasticLoadBalancingV2Client, Targets: { Id: string }[]) => Promise<unknown>,
  ): BalancerStep[] =>
    ids.length === 0
      ? []
      : [
          {
            what: `${what} members of port ${port}`,
            wrong: ids.map((id) =>
              wrong(
                `${what}-member:${port}:${id}`,
                `${id} ${what === 'missing' ? 'is not behind' : 'was put behind'} port ${port}`,
              ),
            ),
            run: (client) =>
              send(
                client,
                ids.map((Id) => ({ Id })),
              ),
          },
        ];
  return [
    ...step(missing, 'missing', (client, Targets) =>
      client.send(new RegisterTargetsCommand({ TargetGroupArn, Targets })),
    ),
    ...step(surplus, 'surplus', (client, Targets) =>
      client.send(new DeregisterTargetsCommand({ TargetGroupArn, Targets })),
    ),
  ];
}

function listenerSteps(
  seen: SeenBalancer,
  { LoadBalancerArn }: LoadBalancer,
  spec: LoadBalancerSpec,
): BalancerStep[] {
  const surplus = seen.listeners.filter(({ Port }) => !spec.listeners.some(({ port }) => port === Port));
  return [
    ...spec.listeners.flatMap((listener): BalancerStep[] => {
      const { port } = listener;
      const standing = seen.listeners.find(({ Port }) => Port === port);
      const TargetGroupArn = groupOf(seen, spec, listener)?.TargetGroupArn;
      const forward = { Protocol: 'TCP', DefaultActions: [{ Type: 'forward', TargetGroupArn }] } as const;
      const missing = wrong(`missing-listener:${port}`, `nothing listens at port ${port}`);
      // Once its target group is there, which is made meanwhile.
      if (TargetGroupArn === undefined) return standing === undefined ? [later(port, missing)] : [];
      if (standing === undefined)
        return [
          {
            what: `listener ${port}`,
            wrong: [missing],
            run: (client) =>
              client.send(
                new CreateListenerCommand({
                  LoadBalancerArn,
                  Port: port,
                  ...forward,
                  DefaultActions: [...forward.DefaultActions],
                }),
              ),
          },
        ];
      if (leadsTo(standing, TargetGroupArn)) return [];
      return [
        {
          what: `listener ${port}`,
          wrong: [wrong(`listener:${port}`, `port ${port} leads elsewhere, or is not plain TCP any more`)],
          run: (client) =>
            client.send(
              new ModifyListenerCommand({
                ListenerArn: standing.ListenerArn,
                ...forward,
                DefaultActions: [...forward.DefaultActions],
              }),
            ),
        },
      ];
    }),
    ...surplus.map(({ ListenerArn, Port }): BalancerStep => ({
      what: `listener ${Port ?? ''}, to be removed`,
      wrong: [wrong(`surplus-listener:${Port ?? ''}`, `port ${Port ?? ''} was opened by hand`)],
      run: (client) => client.send(new DeleteListenerCommand({ ListenerArn })),
    })),
  ];
}

const later = (port: number, missing: Wrong): BalancerStep => ({
  what: `listener ${port}`,
  wrong: [missing],
  run: async () => {},
});

const leadsTo = ({ Protocol, DefaultActions }: SeenListener, arn: string): boolean =>
  Protocol === 'TCP' &&
  DefaultActions?.length === 1 &&
  DefaultActions[0]?.Type === 'forward' &&
  DefaultActions[0].TargetGroupArn === arn;
