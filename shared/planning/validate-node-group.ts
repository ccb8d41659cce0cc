import { isCloudName, type CloudName } from '../domain/cloud.ts';
import type { ClusterCloud } from '../domain/cluster.ts';
import type { NodeGroup, NodeGroupDocument, Problem } from '../domain/cluster-request.ts';
import { familyOf } from '../domain/instance-family.ts';
import { nearest } from '../domain/nearest.ts';
import type { NodeRole } from '../domain/network.ts';
import { nodesPerPlanMax } from '../domain/node.ts';
import { lifecycles, shapeNames, type Offering } from '../domain/offering.ts';
import type { Region } from '../domain/regions.ts';
import { suitableOfferings } from './choose-offering.ts';

const roles: readonly NodeRole[] = ['control-plane', 'worker'];
const shapeDefault = 'medium';

/** One group of nodes as it is written; `field` is what its fields' names begin with: `spec.nodes[0].` or nothing. */
export function validateNodeGroup(options: {
  group: NodeGroupDocument;
  field: string;
  clouds: readonly ClusterCloud[];
  region: Region | undefined;
  /** What the clouds sell there. */
  offerings: readonly Offering[];
}): { ok: true; value: NodeGroup } | { ok: false; problems: readonly Problem[] } {
  const { group, field, region, offerings } = options;
  const clouds = options.clouds.map(({ cloud }) => cloud);
  const problems: Problem[] = [];
  const refuse = (name: string, message: string, allowed?: readonly string[]): void => {
    problems.push({ field: `${field}${name}`, message, ...(allowed && { allowed }) });
  };

  const role = roles.find((name) => name === group.role);
  if (role === undefined) {
    refuse('role', group.role === undefined ? 'a role is missing' : `"${group.role}" is not known`, roles);
  }
  const lifecycle = lifecycles.find((name) => name === (group.lifecycle ?? 'on-demand'));
  if (lifecycle === undefined) refuse('lifecycle', `"${group.lifecycle}" is not known`, lifecycles);
  if (role === 'control-plane' && lifecycle === 'spot') {
    refuse('lifecycle', 'a control plane is never spot: it could be taken away at any time', ['on-demand']);
  }

  const count = group.count ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > nodesPerPlanMax) {
    refuse('count', `${count} is not a count of nodes`, [`1–${nodesPerPlanMax}`]);
  }

  const cloud = group.cloud !== undefined && isCloudName(group.cloud) ? group.cloud : undefined;
  if (group.cloud !== undefined && (cloud === undefined || !clouds.includes(cloud))) {
    refuse('cloud', `"${group.cloud}" is none of the cluster's clouds`, clouds);
  }

  if (group.shape !== undefined && group.instanceType !== undefined) {
    refuse('instanceType', 'a shape and an instance type exclude each other');
  }
  const shape = shapeNames.find((name) => name === (group.shape ?? shapeDefault));
  if (shape === undefined) refuse('shape', `"${group.shape}" is not known`, shapeNames);
  const sought: readonly CloudName[] = cloud === undefined ? clouds : [cloud];
  const { instanceType } = group;
  // Without a region nothing can be found, and that has been said already.
  if (
    instanceType !== undefined &&
    region !== undefined &&
    !offerings.some((each) => each.instanceType === instanceType && sought.includes(each.cloud))
  ) {
    refuse(
      'instanceType',
      `"${instanceType}" is not sold in ${sought.join(', ')}: \`overcast offerings --region ${region.name}\` lists what is`,
      likeIt(
        instanceType,
        offerings.filter(({ cloud: of }) => sought.includes(of)),
      ),
    );
  }

  if (problems.length > 0 || role === undefined || lifecycle === undefined || shape === undefined) {
    return { ok: false, problems };
  }
  const wanted = {
    role,
    lifecycle,
    count,
    ...(cloud !== undefined && { cloud }),
    ...(instanceType === undefined ? { shape } : { instanceType }),
  };
  const found =
    region === undefined ||
    sought.some((name) => suitableOfferings({ cloud: name, wanted, offerings }).length > 0);
  if (!found) {
    refuse(
      'lifecycle',
      `${sought.join(', ')} has no ${instanceType ?? shape} machines as ${lifecycle}`,
      lifecycles.filter((name) => name !== lifecycle),
    );
    return { ok: false, problems };
  }
  return { ok: true, value: wanted };
}

const likeItMax = 20;

/** Of hundreds those of the same family, and where there are none the one that was probably meant. */
function likeIt(name: string, offerings: readonly Offering[]): readonly string[] | undefined {
  const names = [...new Set(offerings.map(({ instanceType }) => instanceType))];
  const family = new Set(
    offerings
      .filter(({ cloud, instanceType }) => familyOf(cloud, instanceType) === familyOf(cloud, name))
      .map(({ instanceType }) => instanceType),
  );
  const meant = nearest(name, names);
  const like = family.size > 0 ? [...family].slice(0, likeItMax) : meant === undefined ? [] : [meant];
  return like.length === 0 ? undefined : like;
}
