import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { clusterDocument } from '../../functions/serve-api/cluster-document.ts';
import { projectFolder } from '../../infra/paths.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { accountDefault, validateCluster } from '../../shared/planning/validate-cluster.ts';
import { aMarket } from '../builders/market.ts';
import { listeningCluster, type Client, type ListeningCluster } from './listening-cluster.ts';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}
const folder = join(projectFolder, 'examples');
const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) =>
    (loadAll(readFileSync(join(folder, name), 'utf8')) as Manifest[]).map(
      (manifest) => [`${name}: ${manifest.kind}`, manifest] as const,
    ),
  );
const isOurs = ({ apiVersion }: Manifest): boolean => apiVersion.startsWith('overcast.dev/');
const pathOf = ({ apiVersion, kind, metadata: { name } }: Manifest): string =>
  `${apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`}/namespaces/default/${kind.toLowerCase()}s/${name}`;

describe('of the examples', () => {
  let cluster: ListeningCluster;
  let client: Client;
  beforeAll(async () => {
    cluster = await listeningCluster();
    client = cluster.client(await cluster.issue('ada', ['kubeadm:cluster-admins']));
  });
  afterAll(() => cluster.close());

  it('there are some of both kinds', () => {
    expect(examples.filter(([, manifest]) => isOurs(manifest)).length).toBeGreaterThan(2);
    expect(examples.filter(([, manifest]) => !isOurs(manifest)).length).toBeGreaterThan(5);
  });

  it.each(examples.filter(([, manifest]) => isOurs(manifest)))('%s may be built as it is', (_, manifest) => {
    const document = z.parse(clusterDocument, manifest);
    const accounts = cloudNames.map((cloud) => ({ cloud, id: accountDefault }));
    expect(validateCluster({ document, accounts, offerings: aMarket().offerings })).toMatchObject({
      ok: true,
    });
  });

  it.each(examples.filter(([, manifest]) => !isOurs(manifest)))(
    '%s is taken by a cluster’s API as it is',
    async (_, manifest) => {
      const { code, body } = await client(
        'PATCH',
        `${pathOf(manifest)}?fieldManager=test&fieldValidation=Strict`,
        {
          contentType: 'application/apply-patch+yaml',
          body: manifest,
        },
      );
      expect(body).toMatchObject({ kind: manifest.kind, metadata: { name: manifest.metadata.name } });
      expect(code).toBe(201);
    },
  );
});
