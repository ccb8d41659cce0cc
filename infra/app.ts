import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { join } from 'node:path';
import { hostedZoneFrom } from './hosted-zone.ts';
import { projectFolder } from './paths.ts';
import { OvercastStack } from './stacks/overcast-stack.ts';

const app = new App({ outdir: process.env['CDK_OUTDIR'] ?? join(projectFolder, 'cdk.out') });
const installation = String(app.node.tryGetContext('installation') ?? 'overcast');
const hostedZone = hostedZoneFrom((key) => app.node.tryGetContext(key) as unknown);
new OvercastStack(app, 'Overcast', {
  installation,
  ...(hostedZone === undefined ? {} : { hostedZone }),
  description: 'Overcast: one Kubernetes cluster under every cloud',
  // Deployed wherever the caller's credentials point; `cdk deploy` fills both in.
  env: {
    ...(process.env['CDK_DEFAULT_ACCOUNT'] === undefined
      ? {}
      : { account: process.env['CDK_DEFAULT_ACCOUNT'] }),
    ...(process.env['CDK_DEFAULT_REGION'] === undefined ? {} : { region: process.env['CDK_DEFAULT_REGION'] }),
  },
});
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
