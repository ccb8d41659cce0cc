import type { Workflow, WorkflowFunctions } from '../../../infra/workflows/asl.ts';
import { cleanupCluster } from '../../../infra/workflows/cleanup-cluster.ts';
import { provisionCluster } from '../../../infra/workflows/provision-cluster.ts';
import { provisionNode } from '../../../infra/workflows/provision-node.ts';
import { retireNode } from '../../../infra/workflows/retire-node.ts';
import { cloudNames } from '../../../shared/domain/cloud.ts';
import type { OperationKind } from '../../../shared/domain/operation.ts';

const driveCloud = Object.fromEntries(cloudNames.map((cloud) => [cloud, `drive-cloud-${cloud}`]));

/** Functions by name instead of by ARN: `claimOperation` is claim-operation, also for those that are still to come. */
export const workflowFunctions = new Proxy(
  {},
  {
    get: (_target, field) =>
      field === 'driveCloud'
        ? driveCloud
        : String(field).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  },
) as WorkflowFunctions;

/** The state machines as they are deployed. */
export const workflows: Readonly<Record<OperationKind, Workflow>> = {
  ProvisionCluster: provisionCluster(workflowFunctions),
  ProvisionNode: provisionNode(workflowFunctions),
  RetireNode: retireNode(workflowFunctions),
  CleanupCluster: cleanupCluster(workflowFunctions),
};
