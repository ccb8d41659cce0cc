import { ComputeManagementClient } from '@azure/arm-compute';
import { NetworkManagementClient } from '@azure/arm-network';
import { ResourceManagementClient } from '@azure/arm-resources';
import { createPipelineRequest } from '@azure/core-rest-pipeline';
import type { AzureCredentials } from './credentials.ts';
import { fromReply } from './failures.ts';
import { credentialFrom, prepare } from './pipeline.ts';

export interface Clients {
  readonly subscriptionId: string;
  readonly compute: ComputeManagementClient;
  readonly network: NetworkManagementClient;
  readonly resources: ResourceManagementClient;
  /** The subscription itself: the one read for which no client is installed. */
  subscription(): Promise<{ id: string; name: string }>;
}

const subscriptionsApiVersion = '2022-12-01';

/** The official clients. */
export function clientsFor(secret: AzureCredentials): Clients {
  const { subscriptionId, endpoint } = secret;
  const credential = credentialFrom(secret);
  const options = endpoint === undefined ? {} : { endpoint };
  const compute = new ComputeManagementClient(credential, subscriptionId, options);
  const network = new NetworkManagementClient(credential, subscriptionId, options);
  const resources = new ResourceManagementClient(credential, subscriptionId, options);
  for (const { pipeline } of [compute, network, resources]) prepare(pipeline, secret);
  const origin = endpoint ?? 'https://management.azure.com';
  return {
    subscriptionId,
    compute,
    network,
    resources,
    subscription: async () => {
      const reply = await resources.sendRequest(
        createPipelineRequest({
          url: `${origin}/subscriptions/${subscriptionId}?api-version=${subscriptionsApiVersion}`,
        }),
      );
      if (reply.status !== 200) throw fromReply(reply);
      const body = JSON.parse(reply.bodyAsText ?? '{}') as { subscriptionId?: string; displayName?: string };
      return { id: body.subscriptionId ?? subscriptionId, name: body.displayName ?? '' };
    },
  };
}
