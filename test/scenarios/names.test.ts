import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import {
  ChangeResourceRecordSetsCommand,
  GetHealthCheckStatusCommand,
  ListHealthChecksCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localHostedZone } from '../../infra/hosted-zone.ts';
import { projectFolder } from '../../infra/paths.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import { ingressDaemonSet, openClusterApi } from '../builders/cluster-api.ts';
import {
  eventually,
  living,
  smallFile,
  startTestPlatform,
  type TestPlatform,
} from '../builders/local-platform.ts';

const name = 'named';
const [api, ingress] = [`api.${name}.${localHostedZone.name}`, `${name}.${localHostedZone.name}`];
const file = JSON.stringify({
  apiVersion: 'overcast.dev/v1',
  kind: 'Cluster',
  metadata: { name },
  spec: {
    region: 'us-east',
    clouds: [{ cloud: 'aws' }, { cloud: 'digitalocean' }],
    ingress: { loadBalancers: true },
    nodes: [
      { role: 'control-plane', cloud: 'aws', shape: 'medium', count: 3 },
      { role: 'worker', cloud: 'aws', shape: 'small' },
      { role: 'worker', cloud: 'digitalocean', shape: 'small' },
    ],
  },
});
const questions = 30;

/** What an API server shows to whoever connects, by way of the proxy that leads to simulated machines. */
const certificateOf = (proxyUrl: string, address: string): Promise<X509Certificate> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(proxyUrl);
    const asked = request({ host: hostname, port, method: 'CONNECT', path: `${address}:6443` });
    asked.once('error', reject);
    asked.once('connect', (_answer, socket) => {
      // Only what it shows is looked at: nothing is sent to it.
      const secure = connect({ socket, rejectUnauthorized: false }, () => {
        resolve(new X509Certificate(secure.getPeerCertificate().raw));
        secure.destroy();
      });
      secure.once('error', reject);
    });
    asked.end();
  });

/** One platform and one cluster on it, in order: each test goes on where the one before it stopped. */
describe('a cluster’s names', { timeout: 120_000 }, () => {
  let platform: TestPlatform;
  let route53: Route53Client;
  let id: string;
  const resolver = new Resolver({ timeout: 2000, tries: 3 });
  beforeAll(async () => {
    platform = await startTestPlatform();
    resolver.setServers([`127.0.0.1:${platform.dnsPort ?? 0}`]);
    route53 = new Route53Client({
      endpoint: platform.aws.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    await platform.apply(name, file);
    id = (await platform.untilSettled(name)).id;
    const kubernetes = await openClusterApi(platform, id);
    await kubernetes.apply('/apis/apps/v1/namespaces/default/daemonsets/ingress', ingressDaemonSet);
  }, 120_000);
  afterAll(async () => {
    route53.destroy();
    await platform.close();
  });

  const addressesOf = async (of: string): Promise<readonly string[]> => {
    try {
      return (await resolver.resolve4(of)).toSorted();
    } catch (error) {
      return [(error as NodeJS.ErrnoException).code ?? String(error)];
    }
  };
  /** Every answer that is had in a row of questions. */
  const answersOf = async (of: string): Promise<readonly string[]> => {
    const seen = new Set<string>();
    for (let question = 0; question < questions; question += 1) seen.add((await addressesOf(of)).join());
    return [...seen].toSorted();
  };
  const controlPlanes = (cluster: ClusterDetails): readonly string[] =>
    living(cluster)
      .filter(
        ({ role, phase, desired }) => role === 'control-plane' && phase === 'ready' && desired === 'present',
      )
      .map(({ publicAddress = '' }) => publicAddress)
      .toSorted();
  const frontOf = (cloud: string) => {
    const front = platform.world.fronts().find((one) => one.cloud === cloud);
    if (front === undefined) throw new Error(`no load balancer in ${cloud}`);
    return (front.publicAddresses ?? [front.address]).toSorted().join();
  };
  const balancers = async () =>
    (await (await fetch(`${platform.clouds.aws}/_control/balancers`)).json()) as readonly {
      readonly members: readonly { readonly isHealthy?: boolean }[];
    }[];
  /** What the health checks of balancers say. */
  const checkedAtBalancers = async (): Promise<readonly string[]> => {
    const { HealthChecks = [] } = await route53.send(new ListHealthChecksCommand({}));
    const ids = HealthChecks.filter(({ HealthCheckConfig }) => HealthCheckConfig?.Port === 80).map(
      ({ Id }) => Id,
    );
    return Promise.all(
      ids.map(async (HealthCheckId) => {
        const { HealthCheckObservations } = await route53.send(
          new GetHealthCheckStatusCommand({ HealthCheckId }),
        );
        return HealthCheckObservations?.[0]?.StatusReport?.Status ?? '';
      }),
    );
  };
  const records = async (): Promise<readonly ResourceRecordSet[]> => {
    const { ResourceRecordSets = [] } = await route53.send(
      new ListResourceRecordSetsCommand({ HostedZoneId: localHostedZone.id }),
    );
    return ResourceRecordSets.filter(({ Type }) => Type === 'A');
  };
  const toldOf = async (kind: string): Promise<readonly string[]> =>
    (await platform.timeline(id)).filter(({ message }) => message.includes(kind)).map(({ event }) => event);

  it('lead to every control plane, and to the clouds’ balancers in turn', async () => {
    const cluster = await platform.api.getCluster(id);
    expect(controlPlanes(cluster)).toHaveLength(3);
    await eventually(
      'the API’s name',
      () => addressesOf(api),
      (seen) => seen.join() === controlPlanes(cluster).join(),
    );
    // Behind each balancer something answers, and Route 53 has seen it: before that a name gives all it has.
    await eventually('healthy members', balancers, (fronts) =>
      fronts.every(({ members }) => members.some(({ isHealthy }) => isHealthy === true)),
    );
    await eventually('healthy checks', checkedAtBalancers, (seen) =>
      seen.every((status) => status.startsWith('Success')),
    );
    const clouds = [frontOf('aws'), frontOf('digitalocean')].toSorted();
    for (const asked of [ingress, `shop.${ingress}`])
      await eventually(
        asked,
        () => answersOf(asked),
        (seen) => seen.join(';') === clouds.join(';'),
      );
    expect((await platform.api.getCluster(id)).names).toEqual({
      zone: localHostedZone.name,
      api,
      ingress,
      missing: [],
    });
  });

  it('are in the certificates of all API servers', async () => {
    const cluster = await platform.api.getCluster(id);
    for (const address of controlPlanes(cluster)) {
      const certificate = await certificateOf(platform.clusterProxyUrl, address);
      expect(certificate.checkHost(api)).toBe(api);
      expect(certificate.checkHost(ingress)).toBeUndefined();
    }
  });

  it('need no right that the template does not give', () => {
    expect(platform.lines.filter((line) => line.includes('ACCESS DENIED'))).toEqual([]);
  });

  it('leave out a cloud whose balancer serves nothing any more', async () => {
    expect(await answersOf(ingress)).toHaveLength(2);
    const worker = living(await platform.api.getCluster(id)).find(
      ({ role, cloud }) => role === 'worker' && cloud === 'digitalocean',
    );
    await platform.stop({ cloud: 'digitalocean', id: worker?.providerId ?? '' });
    await eventually(
      'AWS alone',
      () => answersOf(ingress),
      (seen) => seen.join() === frontOf('aws'),
    );
  });

  it('give a control plane’s successor instead of it', async () => {
    const before = await platform.api.getCluster(id);
    const victim = living(before).find(({ role }) => role === 'control-plane');
    await platform.kill({ cloud: 'aws', id: victim?.providerId ?? '' });
    const after = await platform.tickUntil(
      id,
      (cluster) =>
        controlPlanes(cluster).length === 3 && !controlPlanes(cluster).includes(victim?.publicAddress ?? ''),
    );
    await eventually(
      'the successor',
      () => addressesOf(api),
      (seen) => seen.join() === controlPlanes(after).join(),
    );
  });

  it('are put right when somebody changes them by hand, which is told', async () => {
    await platform.until(id, ({ operation }) => operation === undefined);
    const right = controlPlanes(await platform.api.getCluster(id)).join();
    const [one, two] = (await records()).filter(({ Name }) => Name === `${api}.`);
    await route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: localHostedZone.id,
        ChangeBatch: {
          Changes: [
            {
              Action: 'UPSERT',
              ResourceRecordSet: {
                ...(one as ResourceRecordSet),
                ResourceRecords: [{ Value: '192.0.2.66' }],
              },
            },
            { Action: 'DELETE', ResourceRecordSet: two },
          ],
        },
      }),
    );
    expect(await addressesOf(api)).toContain('192.0.2.66');
    await platform.lookAtNames();
    let told: readonly string[] = [];
    await platform.tickUntil(
      id,
      () => told.includes('FindingClosed'),
      async () => {
        told = (await toldOf('192.0.2.66')).filter((event) => event.startsWith('Finding'));
      },
    );
    // Each once; a timeline's times are whole seconds, so that their order within one is not kept.
    expect(told.toSorted()).toEqual(['FindingClosed', 'FindingOpened']);
    expect((await addressesOf(api)).join()).toBe(right);
  });

  it('are gone with the cluster, and its health checks with them', async () => {
    expect(await records()).not.toEqual([]);
    await platform.remove(id);
    expect(await records()).toEqual([]);
    expect((await route53.send(new ListHealthChecksCommand({}))).HealthChecks).toEqual([]);
    expect(await addressesOf(api)).toEqual(['ENOTFOUND']);
  });
});

describe('without a hosted zone', { timeout: 120_000 }, () => {
  let platform: TestPlatform;
  const folder = mkdtempSync(join(tmpdir(), 'overcast-no-zone-'));
  beforeAll(async () => {
    execFileSync(process.execPath, [join(projectFolder, 'infra', 'app.ts')], {
      cwd: projectFolder,
      env: { ...process.env, CDK_VALIDATION: 'false', CDK_OUTDIR: folder },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    platform = await startTestPlatform({ assemblyFolder: folder });
  }, 90_000);
  afterAll(async () => {
    await platform.close();
    rmSync(folder, { recursive: true });
  });

  it('a cluster is made and deleted as ever, and the API says how it could have names', async () => {
    expect(platform.dnsPort).toBeUndefined();
    await platform.apply('nameless', smallFile('nameless', ['aws']));
    const cluster = await platform.untilSettled('nameless');
    expect(cluster.names).toEqual({ missing: [expect.stringContaining('-c hostedZoneId=') as string] });
    expect((await platform.remove(cluster.id)).status).toBe('deleted');
    expect(platform.world.calls()['aws/readNames']).toBeUndefined();
  });
});
