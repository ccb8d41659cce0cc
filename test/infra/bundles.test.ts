import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { functionSpecs, type FunctionSpec } from '../../infra/functions.ts';
import { metafilePath } from '../../infra/paths.ts';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';

/** What the build put into each bundle: `{ function → { size, the files in it } }`. */
const metafile = JSON.parse(readFileSync(metafilePath, 'utf8')) as Metafile;
const bundles = new Map(
  Object.entries(metafile.outputs).map(([path, { bytes, inputs }]) => [
    basename(dirname(path)),
    { kilobytes: bytes / 1024, inputs: Object.keys(inputs) },
  ]),
);
const inputsOf = (name: string): readonly string[] => bundles.get(name)?.inputs ?? [];
const specs = functionSpecs.map((spec) => [spec.name, spec] as const);

/** `node_modules/@aws-sdk/client-sqs/…` → `@aws-sdk/client-sqs`, however deep it is nested. */
const packageOf = (input: string): string | undefined =>
  /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
const packagesIn = (name: string): ReadonlySet<string> =>
  new Set(inputsOf(name).flatMap((input) => packageOf(input) ?? []));

/** What belongs to one cloud alone. */
const belongsTo: Readonly<Record<CloudName, RegExp>> = {
  aws: /^@aws-sdk\/client-(?:ec2|pricing|sts|elastic-load-balancing(?:-v2)?)$/,
  gcp: /^(?:@google-cloud\/.*|google-.*|gaxios|gcp-metadata|protobufjs|proto3-json-serializer|@grpc\/.*)$/,
  azure: /^(?:@azure\/.*|@typespec\/.*|@azure-rest\/.*)$/,
  digitalocean: /^ky$/,
};

/** The platform's own AWS clients that a function's line in functions.ts asks for. */
const ownClients = (spec: FunctionSpec): readonly string[] =>
  [
    spec.table === undefined ? '' : '@aws-sdk/client-dynamodb',
    spec.says === undefined ? '' : '@aws-sdk/client-eventbridge',
    spec.tokenKey === undefined && spec.pkiKey === undefined ? '' : '@aws-sdk/client-kms',
    spec.executions === undefined ? '' : '@aws-sdk/client-sfn',
    spec.sendsTo === undefined ? '' : '@aws-sdk/client-sqs',
    spec.cloud === undefined ? '' : '@aws-sdk/client-secrets-manager',
    spec.hostedZone === 'reads' || spec.hostedZone === 'changes' ? '@aws-sdk/client-route-53' : '',
  ].filter((client) => client !== '');

describe('the bundles', () => {
  it('are one for each function, no more', () => {
    expect([...bundles.keys()].sort()).toEqual(functionSpecs.map(({ name }) => name).sort());
  });
});

describe.each(specs)('%s', (name, spec) => {
  it(`is at most ${spec.bundleKbMax} KB`, () => {
    expect(bundles.get(name)?.kilobytes).toBeLessThanOrEqual(spec.bundleKbMax);
  });

  it('holds no cloud but its own', () => {
    for (const cloud of cloudNames) {
      if (cloud === spec.cloud?.name) continue;
      expect([cloud, [...packagesIn(name)].filter((each) => belongsTo[cloud].test(each))]).toEqual([
        cloud,
        [],
      ]);
      expect(inputsOf(name).filter((input) => input.includes(`shared/clouds/${cloud}/`))).toEqual([]);
    }
  });

  it('holds the AWS clients that its rights are for, and no others', () => {
    const cloudsOwn = spec.cloud?.name === 'aws' ? belongsTo.aws : /^$/;
    const clients = [...packagesIn(name)].filter(
      (each) => each.startsWith('@aws-sdk/client-') && !cloudsOwn.test(each),
    );
    expect(clients.sort()).toEqual([...ownClients(spec)].sort());
  });

  it('holds zod/mini and not the whole of zod', () => {
    const whole = inputsOf(name).filter((input) =>
      /node_modules\/zod\/(?:index|v3|v4\/(?:classic|locales|index))/.test(input),
    );
    expect(whole).toEqual([]);
  });

  it('holds nothing that only tests, tools or the other side of the wire need', () => {
    const strange = inputsOf(name).filter((input) =>
      /^(?:test|local|infra|cli|bench)\/|\.test\.ts$|shared\/clouds\/memory\/|node_modules\/(?:aws-cdk-lib|vitest|esbuild|dynalite)\//.test(
        input,
      ),
    );
    expect(strange).toEqual([]);
  });

  it('holds no function but its own', () => {
    const folder = spec.entry.split('/').slice(0, 2).join('/');
    expect(
      inputsOf(name).filter((input) => input.startsWith('functions/') && !input.startsWith(`${folder}/`)),
    ).toEqual([]);
  });
});

describe('the walls that count', () => {
  it('answer-node-sync can neither use keys nor read secrets', () => {
    const packages = packagesIn('answer-node-sync');
    expect(packages).not.toContain('@aws-sdk/client-kms');
    expect(packages).not.toContain('@aws-sdk/client-secrets-manager');
  });

  it.each(
    functionSpecs.flatMap(({ name, cloud }) => (cloud === undefined ? [] : [[name, cloud.name] as const])),
  )('%s holds its own driver', (name, cloud) => {
    const isReader = name.startsWith('refresh-offerings-');
    const [own, others] = isReader ? ['offerings.ts', 'index.ts'] : ['index.ts', 'offerings.ts'];
    expect(inputsOf(name)).toContain(`shared/clouds/${cloud}/${own}`);
    // Who drives machines reads no prices, and who reads prices can drive nothing.
    expect(inputsOf(name)).not.toContain(`shared/clouds/${cloud}/${others}`);
    // The test would prove nothing if the packages were called otherwise.
    const packages = [...packagesIn(name)].filter((each) => belongsTo[cloud].test(each));
    expect(packages).not.toEqual([]);
  });
});
