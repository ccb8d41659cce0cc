import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  DefinitionBody,
  LogLevel,
  QueryLanguage,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { operationKinds, type OperationKind } from '../../shared/domain/operation.ts';
import type { Workflow, WorkflowFunctions } from '../workflows/asl.ts';
import { cleanupCluster } from '../workflows/cleanup-cluster.ts';
import { provisionCluster } from '../workflows/provision-cluster.ts';
import { provisionNode } from '../workflows/provision-node.ts';
import { retireNode } from '../workflows/retire-node.ts';
import type { PlatformFunction } from './platform-function.ts';

const workflows: Readonly<Record<OperationKind, (functions: WorkflowFunctions) => Workflow>> = {
  ProvisionCluster: provisionCluster,
  ProvisionNode: provisionNode,
  RetireNode: retireNode,
  CleanupCluster: cleanupCluster,
};

/** Names are fixed so that functions can be given rights on the machines that call them, without a circle. */
const machineName = (installation: string, kind: OperationKind): string => `${installation}-${kind}`;

export const machineArns = (stack: Stack, installation: string): string[] =>
  operationKinds.map((kind) =>
    stack.formatArn({
      service: 'states',
      resource: 'stateMachine',
      resourceName: machineName(installation, kind),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );

export const executionArns = (stack: Stack, installation: string): string[] =>
  operationKinds.map((kind) =>
    stack.formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${machineName(installation, kind)}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );

/** The four state machines: all that lasts longer than one function call. */
export class StateMachines extends Construct {
  readonly byKind: Readonly<Record<OperationKind, StateMachine>>;

  constructor(
    scope: Construct,
    id: string,
    options: { installation: string; functionNamed: (name: string) => PlatformFunction },
  ) {
    super(scope, id);
    const arnOf = (name: string): string => options.functionNamed(name).function.functionArn;
    const functions: WorkflowFunctions = {
      claimOperation: arnOf('claim-operation'),
      settleOperation: arnOf('settle-operation'),
      requestNodes: arnOf('request-nodes'),
      awaitNode: arnOf('await-node'),
      drainNode: arnOf('drain-node'),
      configureCluster: arnOf('configure-cluster'),
      forgetNode: arnOf('forget-node'),
      publishDns: arnOf('publish-dns'),
      driveCloud: {
        aws: arnOf('drive-cloud-aws'),
        gcp: arnOf('drive-cloud-gcp'),
        azure: arnOf('drive-cloud-azure'),
        digitalocean: arnOf('drive-cloud-digitalocean'),
      },
    };
    const called = [
      functions.claimOperation,
      functions.settleOperation,
      functions.requestNodes,
      functions.awaitNode,
      functions.drainNode,
      functions.configureCluster,
      functions.forgetNode,
      functions.publishDns,
      ...Object.values(functions.driveCloud),
    ];
    const machine = (kind: OperationKind): StateMachine => {
      const workflow = workflows[kind](functions);
      const role = new Role(this, `${kind}Role`, { assumedBy: new ServicePrincipal('states.amazonaws.com') });
      const text = Stack.of(this).toJsonString(workflow);
      role.addToPolicy(
        new PolicyStatement({
          effect: Effect.ALLOW,
          actions: ['lambda:InvokeFunction'],
          resources: called.filter((arn) => JSON.stringify(workflow).includes(arn)),
        }),
      );
      return new StateMachine(this, kind, {
        stateMachineName: machineName(options.installation, kind),
        stateMachineType: StateMachineType.STANDARD,
        queryLanguage: QueryLanguage.JSONATA,
        definitionBody: DefinitionBody.fromString(text),
        role,
        ...(workflow.TimeoutSeconds === undefined
          ? {}
          : { timeout: Duration.seconds(workflow.TimeoutSeconds) }),
        logs: {
          destination: new LogGroup(this, `${kind}Log`, {
            logGroupName: `/aws/vendedlogs/states/${machineName(options.installation, kind)}`,
            retention: RetentionDays.ONE_MONTH,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
          level: LogLevel.ALL,
          // Inputs hold ids only, yet what is not logged cannot leak.
          includeExecutionData: false,
        },
        tracingEnabled: true,
      });
    };
    this.byKind = {
      ProvisionCluster: machine('ProvisionCluster'),
      ProvisionNode: machine('ProvisionNode'),
      RetireNode: machine('RetireNode'),
      CleanupCluster: machine('CleanupCluster'),
    };
  }
}
