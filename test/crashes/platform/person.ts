import { apiKey } from '../../simulation/life/people.ts';
import type { Lambda } from '../../simulation/platform/lambda.ts';
import type { Outside } from '../../simulation/platform/outside.ts';
import { cloudNames } from '../../../shared/domain/cloud.ts';

export const clusterName = 'four-clouds';

/** examples/four-clouds.yaml, with a load balancer in each cloud that has workers. */
const document = {
  apiVersion: 'overcast.dev/v1',
  kind: 'Cluster',
  metadata: { name: clusterName },
  spec: {
    region: 'us-east',
    clouds: cloudNames.map((cloud) => ({ cloud, account: 'main' })),
    configuration: 'highly-available',
    kubernetesVersion: '1.36',
    vpn: 'wireguard-full-mesh',
    ingress: { loadBalancers: true },
    policies: {},
  },
};

const triesMax = 10;
const pauseSeconds = 5;

/** Somebody with a client that asks again when it was not answered, as the command line does. */
export class Person {
  readonly #outside: Outside;
  readonly #lambda: Lambda;

  constructor(outside: Outside, lambda: Lambda) {
    this.#outside = outside;
    this.#lambda = lambda;
  }

  create(): Promise<void> {
    return this.#ask('POST', '/v1/clusters', [200, 201, 202], {
      headers: { 'content-type': 'application/json', 'idempotency-key': 'the-only-one' },
      body: JSON.stringify(document),
    });
  }

  remove(): Promise<void> {
    return this.#ask('DELETE', `/v1/clusters/${clusterName}`, [200, 202, 204]);
  }

  /** @throws when the API refuses, or never answers. */
  async #ask(
    method: string,
    path: string,
    expected: readonly number[],
    more: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
  ): Promise<void> {
    const { history, time } = this.#outside;
    const request = { method, path, ...more, headers: { 'x-api-key': apiKey, ...more.headers } };
    for (let tries = 0; tries < triesMax; tries += 1) {
      history.note('person', method, path);
      const answer = await this.#lambda
        .invoke('serve-api', request)
        .then((value) => value as { readonly status: number; readonly body: unknown })
        .catch((error: unknown) => ({ status: 500, body: String(error) }));
      history.note('person', 'is answered', answer.status);
      if (expected.includes(answer.status)) return;
      if (answer.status < 500) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      await time.sleep(pauseSeconds);
    }
    throw new Error(`${method} ${path}: nobody answered ${triesMax} times`);
  }
}
