import { RemovalPolicy } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { PlatformFunction } from './platform-function.ts';

/** The HTTP API: people's calls to serve-api, upgrade-cluster, request-reconcile and issue-kubeconfig, machines' calls to their three functions. */
export class Api extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, options: { functionNamed: (name: string) => PlatformFunction }) {
    super(scope, id);
    const api = new HttpApi(this, 'Http', { createDefaultStage: false });
    new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'AccessLog', {
            retention: RetentionDays.ONE_MONTH,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
      },
      throttle: { rateLimit: 1000, burstLimit: 2000 },
    });
    const route = (path: string, methods: HttpMethod[], name: string): void => {
      api.addRoutes({
        path,
        methods,
        integration: new HttpLambdaIntegration(`${name}Integration`, options.functionNamed(name).function),
      });
    };
    route('/v1/clusters/{clusterId}/nodes/{number}/admit', [HttpMethod.POST], 'admit-node');
    route('/v1/clusters/{clusterId}/nodes/{number}/sync', [HttpMethod.POST], 'answer-node-sync');
    route('/v1/clusters/{clusterId}/nodes/{number}/files', [HttpMethod.POST], 'issue-node-files');
    route('/v1/clusters/{clusterId}/kubeconfig', [HttpMethod.POST], 'issue-kubeconfig');
    route('/v1/clusters/{clusterId}/upgrade', [HttpMethod.POST], 'upgrade-cluster');
    route('/v1/clusters/{clusterId}/upgrade/{turn}', [HttpMethod.POST], 'upgrade-cluster');
    route('/v1/clusters/{clusterId}/reconcile', [HttpMethod.POST], 'request-reconcile');
    route(
      '/v1/clusters/{clusterId}/pods/{namespace}/{name}/explanation',
      [HttpMethod.GET],
      'request-reconcile',
    );
    route(
      '/v1/{proxy+}',
      [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE],
      'serve-api',
    );
    this.url = api.apiEndpoint;
  }
}
