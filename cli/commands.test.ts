import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { aNodeView, problem, someDetails, type ApiCall } from '../test/builders/api-server.ts';
import { commandLineKey, commandLineNow as now, overcast as run } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';

let calls: readonly ApiCall[] = [];
const overcast: typeof run = async (...given) => {
  const ran = await run(...given);
  ({ calls } = ran);
  return ran;
};
const callsOf = (): string[] => calls.map(({ what }) => what);

const details = someDetails();
const path = `/v1/clusters/${details.id}`;
const ready = someDetails({
  status: 'ready',
  nodes: [
    aNodeView(),
    aNodeView({ number: 4, role: 'worker', cloud: 'gcp', phase: 'ready', overlayAddress: '10.4.0.4' }),
  ],
  cloudParts: [
    { cloud: 'aws', network: '10.10.0.0/16' },
    { cloud: 'gcp', network: '10.0.0.0/16' },
  ],
});
const file = 'apiVersion: overcast.dev/v1\nkind: Cluster\nmetadata: { name: four-clouds }\n';
const files = { 'cluster.yaml': file };

describe('cluster list', () => {
  const lists = {
    'GET /v1/clusters': [
      { body: { items: [ready], cursor: 'next' } },
      { body: { items: [someDetails({ name: 'second', status: 'failed' })] } },
    ],
  };

  it('shows all pages in one table', async () => {
    const { out, exitCode } = await overcast(['cluster', 'list'], lists);
    expect(out).toBe(
      [
        'NAME          STATUS   REGION    CLOUDS    VERSION   AGE',
        'four-clouds   ready    us-east   aws,gcp   1.36      3h',
        'second        failed   us-east   aws,gcp   1.36      3h',
        '',
      ].join('\n'),
    );
    expect(exitCode).toBe(0);
    expect(callsOf()).toEqual(['GET /v1/clusters', 'GET /v1/clusters?cursor=next']);
  });

  it('prints what the API said as JSON, and nothing else', async () => {
    const { out, err } = await overcast(['cluster', 'ls', '-o', 'json'], lists);
    expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual([
      'four-clouds',
      'second',
    ]);
    expect(err).toBe('');
  });

  it('says how to begin when there is none', async () => {
    const { out } = await overcast(['cluster', 'list'], { 'GET /v1/clusters': [{ body: { items: [] } }] });
    expect(out).toContain('overcast apply -f');
  });

  it('sends the key, and no key of its own on a read', async () => {
    await overcast(['cluster', 'list'], lists);
    expect(calls[0]?.headers).toMatchObject({ 'x-api-key': commandLineKey });
    expect(calls[0]?.headers).not.toHaveProperty('idempotency-key');
  });
});

describe('cluster get', () => {
  it('shows one cluster in full', async () => {
    const broken = someDetails({
      status: 'degraded',
      statusReason: 'node 4 is missing',
      nodes: [aNodeView(), aNodeView({ number: 2, phase: 'deleted' })],
      cloudParts: [
        { cloud: 'aws', network: '10.10.0.0/16' },
        {
          cloud: 'gcp',
          failure: { error: 'QuotaExceeded', message: 'no more networks', at: details.createdAt },
        },
      ],
      findings: [
        {
          cloud: 'aws',
          fingerprint: 'aws:stray',
          message: 'a stray machine',
          remedy: 'it will be deleted',
          seenAt: details.createdAt,
        } as never,
      ],
    });
    const { out } = await overcast(['cluster', 'get', 'four-clouds'], {
      'GET /v1/clusters/four-clouds': [{ body: broken }],
    });
    expect(out).toContain('Status:         degraded: node 4 is missing');
    expect(out).toContain('  aws           10.10.0.0/16');
    expect(out).toContain('  gcp           QuotaExceeded: no more networks');
    expect(out).toContain('a stray machine (3h): it will be deleted');
    expect(out).toMatch(/^1 +control-plane +aws +c6a\.xlarge +on-demand +ready +10\.4\.0\.1/m);
    expect(out).not.toContain('Load balancers');
    expect(out).not.toContain('deleted\n2');
    expect(out).not.toMatch(/^2 /m);
  });

  it('shows where its load balancers are reached, or why there is none', async () => {
    const failure = { error: 'QuotaExceeded', message: 'azure: no more', at: details.createdAt };
    const balanced = someDetails({
      ingress: { loadBalancers: true },
      nodes: [aNodeView({ role: 'worker', cloud: 'digitalocean' })],
      cloudParts: [
        { cloud: 'aws', loadBalancer: { dnsName: 'it.elb.example', addresses: [] } },
        { cloud: 'gcp', loadBalancer: { addresses: ['203.0.113.7'] } },
        { cloud: 'azure', loadBalancerFailure: failure },
        { cloud: 'digitalocean' },
      ],
    });
    const get = async (body: unknown): Promise<string> =>
      (await overcast(['cluster', 'get', 'four-clouds'], { 'GET /v1/clusters/four-clouds': [{ body }] })).out;
    expect(await get(balanced)).toContain(
      [
        'Load balancers:',
        '  aws           it.elb.example',
        '  gcp           203.0.113.7',
        '  azure         QuotaExceeded: azure: no more',
        '  digitalocean  none yet',
      ].join('\n'),
    );
    expect(await get({ ...balanced, nodes: [] })).toContain(
      '  digitalocean  none, since there are no workers',
    );
  });

  it('shows the names at which it is reached, and why there are none', async () => {
    const get = async (body: unknown): Promise<string> =>
      (await overcast(['cluster', 'get', 'four-clouds'], { 'GET /v1/clusters/four-clouds': [{ body }] })).out;
    const [api, ingress] = ['api.four-clouds.example.org', 'four-clouds.example.org'];
    const failure = { error: 'QuotaExceeded', message: 'aws: no more', at: details.createdAt };
    expect(
      await get(someDetails({ names: { zone: 'example.org', api, ingress, missing: [], failure } })),
    ).toContain(
      [
        'Names:',
        `  API           ${api}`,
        `  ingress       ${ingress}, *.${ingress}`,
        '  failed        QuotaExceeded: aws: no more',
      ].join('\n'),
    );
    expect(await get(someDetails({ names: { missing: ['no names: no zone'] } }))).toContain(
      ['Names:', '  missing       no names: no zone'].join('\n'),
    );
  });

  it('escapes the name in the path', async () => {
    await overcast(['cluster', 'get', '../keys']);
    expect(callsOf()).toEqual(['GET /v1/clusters/..%2Fkeys']);
  });
});

describe('cluster reconcile', () => {
  const plan = {
    cluster: ready,
    findings: [
      {
        clusterId: ready.id,
        cloud: 'aws',
        fingerprint: 'network-changed:x',
        kind: 'network-changed',
        subject: 'x',
        message: 'aws: tcp 22 was added by hand',
        remedy: 'it is put right',
        seenAt: details.createdAt,
      },
    ],
    actions: [{ action: 'repair the cluster', because: 'aws: tcp 22 was added by hand' }],
    seen: [{ cloud: 'aws', at: details.createdAt }],
  };

  it('has the cluster looked at', async () => {
    const { out } = await overcast(['cluster', 'reconcile', 'four-clouds'], {
      'POST /v1/clusters/four-clouds/reconcile': [{ status: 202, body: ready }],
    });
    expect(out).toBe('four-clouds will be looked at within a minute\n');
  });

  it('has what is lost replaced, however much it is, when somebody looked', async () => {
    await overcast(['cluster', 'reconcile', 'four-clouds', '--replace-lost'], {
      'POST /v1/clusters/four-clouds/reconcile': [{ status: 202, body: ready }],
    });
    expect(callsOf()).toEqual(['POST /v1/clusters/four-clouds/reconcile?replaceLost=true']);
    await overcast(['cluster', 'reconcile', 'four-clouds', '--replace-lost', '--dry-run'], {
      'POST /v1/clusters/four-clouds/reconcile': [{ body: plan }],
    });
    expect(callsOf()).toEqual(['POST /v1/clusters/four-clouds/reconcile?dryRun=true&replaceLost=true']);
  });

  it('only prints what would be done, when it is asked to', async () => {
    const answers = { 'POST /v1/clusters/four-clouds/reconcile': [{ body: plan }] };
    const { out } = await overcast(['cluster', 'reconcile', 'four-clouds', '--dry-run'], answers);
    expect(out).toBe(
      [
        'four-clouds is ready, seen in aws 3h ago',
        'Findings:',
        '  aws           aws: tcp 22 was added by hand (3h): it is put right',
        'Would:',
        '  repair the cluster: aws: tcp 22 was added by hand',
        '',
      ].join('\n'),
    );
    expect(callsOf()).toEqual(['POST /v1/clusters/four-clouds/reconcile?dryRun=true']);
    const quiet = { ...plan, findings: [], actions: [], repairNotBefore: details.createdAt };
    const { out: nothing } = await overcast(['cluster', 'reconcile', 'four-clouds', '--dry-run'], {
      'POST /v1/clusters/four-clouds/reconcile': [{ body: quiet }],
    });
    expect(nothing).toContain('Nothing to do.\nThe next repair is not begun before ');
  });
});

describe('apply', () => {
  const created = {
    'PUT /v1/clusters/four-clouds': [{ status: 201, body: { ...details, change: 'created', changes: [] } }],
  };

  it('sends the file as it is and waits until the cluster is ready, with a line for each change', async () => {
    const building = someDetails({
      nodes: [aNodeView({ phase: 'booting' })],
      cloudParts: [{ cloud: 'aws', network: '10.10.0.0/16' }, { cloud: 'gcp' }],
    });
    const { out, err, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml'],
      { ...created, [`GET ${path}`]: [{ body: building }, { body: ready }] },
      { files },
    );
    expect(exitCode).toBe(0);
    expect(calls[0]).toMatchObject({ body: file, headers: { 'content-type': 'application/yaml' } });
    expect(out).toBe('cluster four-clouds created\nfour-clouds is ready after 0s\n');
    expect(err.split('\n').map((line) => line.replace(/^ *[\d.]+s {2}/, ''))).toEqual([
      'aws: network 10.10.0.0/16 stands',
      'node 1 (aws, control plane, c6a.xlarge): booting',
      'cluster four-clouds: creating',
      'gcp: network 10.0.0.0/16 stands',
      'node 1 (aws, control plane, c6a.xlarge): ready',
      'node 4 (gcp, worker, c6a.xlarge): ready',
      'cluster four-clouds: ready',
      '',
    ]);
  });

  it('draws a picture on a terminal, over the last one', async () => {
    const building = someDetails({ nodes: [aNodeView({ phase: 'booting' })] });
    const { err } = await overcast(
      ['apply', '-f', 'cluster.yaml'],
      { ...created, [`GET ${path}`]: [{ body: building }, { body: ready }] },
      { files, isTerminal: true },
    );
    // The picture before it: name, titles, a network, a node.
    const [first, second] = err.split('\u001B[4A\u001B[0J').map((text) => stripVTControlCharacters(text));
    expect(first).toBe(
      [
        'four-clouds  creating  0s',
        'AWS                       Google Cloud',
        'network …                 network …',
        '1 control plane booting   ',
        '',
      ].join('\n'),
    );
    expect(second).toBe(
      [
        'four-clouds  ready  0s',
        'AWS                     Google Cloud',
        'network 10.10.0.0/16    network 10.0.0.0/16',
        '1 control plane ready   4 worker ready',
        '',
      ].join('\n'),
    );
  });

  it('keeps progress out of what a program reads', async () => {
    const { out, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml', '-o', 'json'],
      { ...created, [`GET ${path}`]: [{ body: ready }] },
      { files },
    );
    expect((JSON.parse(out) as { status: string }).status).toBe('ready');
    expect(exitCode).toBe(0);
  });

  it('does not wait when told so', async () => {
    const { out } = await overcast(['apply', '-f', 'cluster.yaml', '--no-wait'], created, { files });
    expect(out).toBe('cluster four-clouds created\n');
    expect(callsOf()).toEqual(['PUT /v1/clusters/four-clouds']);
  });

  it('passes on what the API warns of', async () => {
    const warned = {
      ...details,
      change: 'created',
      changes: [],
      warnings: ['one control plane is one machine’s life'],
    };
    const { err } = await overcast(
      ['apply', '-f', 'cluster.yaml', '--no-wait'],
      { 'PUT /v1/clusters/four-clouds': [{ status: 201, body: warned }] },
      { files },
    );
    expect(err).toBe('warning: one control plane is one machine’s life\n');
  });

  it('a cluster that failed: its reason, and exit code 3', async () => {
    const failed = someDetails({ status: 'failed', statusReason: 'node 1: QuotaExceeded in aws' });
    const { err, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml'],
      { ...created, [`GET ${path}`]: [{ body: failed }] },
      { files },
    );
    expect(exitCode).toBe(exitCodes.notReached);
    expect(err).toContain('four-clouds is failed and not ready after 0s: node 1: QuotaExceeded in aws');
  });

  it('time over: what it is, and exit code 3', async () => {
    let clock = now;
    const { err, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml', '--timeout', '60'],
      { ...created, [`GET ${path}`]: [{ body: details }] },
      { files, now: () => (clock += 61_000) },
    );
    expect(exitCode).toBe(exitCodes.notReached);
    expect(err).toContain('four-clouds is creating and not ready after 61s');
  });

  it.each([
    ['a tab', 'metadata:\n\tname: x\n', 'cluster.yaml:2:1: not YAML: '],
    ['an open bracket', 'metadata: { name: x\nspec: {}\n', /cluster\.yaml:\d+:\d+: not YAML: /],
    ['nothing', '', 'cluster.yaml:1:1: not YAML: '],
    ['the same key twice', 'metadata: { name: x, name: y }\n', /cluster\.yaml:1:\d+: not YAML: .*duplicate/],
  ])('malformed YAML (%s): where, before anything is sent', async (_what, text, message) => {
    const { err, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml'],
      {},
      { files: { 'cluster.yaml': text } },
    );
    expect(err).toMatch(message);
    expect(exitCode).toBe(exitCodes.usage);
    expect(callsOf()).toEqual([]);
  });

  it.each([
    ['no name', 'kind: Cluster\n'],
    ['a number for a name', 'metadata: { name: 7 }\n'],
    ['a list', '- metadata\n'],
  ])('a file with %s', async (_what, text) => {
    const { err, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml'],
      {},
      { files: { 'cluster.yaml': text } },
    );
    expect(err).toContain('cluster.yaml: metadata.name: a cluster needs a name');
    expect(exitCode).toBe(exitCodes.usage);
  });

  it('a file that is not there', async () => {
    const { err, exitCode } = await overcast(['apply', '-f', '/nowhere/cluster.yaml']);
    expect(err).toMatch(/^error: cannot read \/nowhere\/cluster\.yaml: ENOENT/);
    expect(exitCode).toBe(exitCodes.usage);
  });

  it('a file that the API refuses: each field, and what is allowed there', async () => {
    const { err, exitCode } = await overcast(
      ['apply', '-f', 'cluster.yaml'],
      {
        'PUT /v1/clusters/four-clouds': [
          {
            status: 422,
            body: problem({
              status: 422,
              detail: 'the cluster cannot be built like this',
              errors: [
                { field: 'spec.region', message: 'is not known', allowed: ['us-east', 'us-west'] },
                { field: 'spec.clouds[1].account', message: 'there is no such account' },
              ],
            }),
          },
        ],
      },
      { files },
    );
    expect(err).toBe(
      [
        'error: the cluster cannot be built like this  (request request-1)',
        '  spec.region: is not known (allowed: us-east, us-west)',
        '  spec.clouds[1].account: there is no such account',
        '',
      ].join('\n'),
    );
    expect(exitCode).toBe(exitCodes.refused);
  });
});

describe('cluster delete', () => {
  const at = '2026-11-23T06:00:00.000Z';
  const asked = {
    'DELETE /v1/clusters/four-clouds': [{ status: 202, body: { ...details, deletionRequestedAt: at } }],
  };
  const deleting = someDetails({ status: 'deleting', deletionRequestedAt: at });

  it('waits until nothing is left', async () => {
    const { out, exitCode } = await overcast(['cluster', 'delete', 'four-clouds'], {
      ...asked,
      [`GET ${path}`]: [
        { body: deleting },
        { body: someDetails({ status: 'deleted', deletionRequestedAt: at }) },
      ],
    });
    expect(out).toBe('deletion of four-clouds requested\nfour-clouds is deleted after 0s\n');
    expect(exitCode).toBe(0);
  });

  it('takes a cluster that is not there any more for deleted', async () => {
    const { exitCode } = await overcast(['cluster', 'delete', 'four-clouds'], {
      ...asked,
      [`GET ${path}`]: [{ body: deleting }, { status: 404, body: problem({ status: 404 }) }],
    });
    expect(exitCode).toBe(0);
  });

  it.each([
    ['after a while', [{ body: deleting }]],
    ['before the first look', []],
  ])('a deletion that is refused %s: who is in the way, and exit code 3', async (_when, before) => {
    const refused = someDetails({
      status: 'ready',
      statusReason: 'gcp: machine db-1 in its network is not its own',
    });
    const { err, exitCode } = await overcast(['cluster', 'delete', 'four-clouds'], {
      ...asked,
      [`GET ${path}`]: [...before, { body: refused }],
    });
    expect(err).toContain(
      'four-clouds is ready and not deleted after 0s: gcp: machine db-1 in its network is not its own',
    );
    expect(exitCode).toBe(exitCodes.notReached);
  });

  it('a cluster that there is not', async () => {
    const { err, exitCode } = await overcast(['cluster', 'delete', 'nobody'], {
      'DELETE /v1/clusters/nobody': [
        { status: 404, body: problem({ status: 404, detail: 'there is no cluster nobody' }) },
      ],
    });
    expect(err).toContain('error: there is no cluster nobody');
    expect(exitCode).toBe(exitCodes.refused);
  });
});

it('a timeout that is none is refused in words', async () => {
  const { err, exitCode } = await overcast(['apply', '-f', 'cluster.yaml', '--timeout', '-1']);
  expect(err).toMatch(/a whole number from 1 to \d+/);
  expect(exitCode).toBe(exitCodes.usage);
  expect(callsOf()).toEqual([]);
});

describe('events', () => {
  const entry = (event: string, nodeNumber?: number): object => ({
    clusterId: details.id,
    eventId: event,
    at: details.createdAt,
    event,
    who: 'serve-api',
    message: `${event} happened`,
    ...(nodeNumber === undefined ? {} : { nodeNumber }),
  });
  const events = {
    'GET /v1/clusters/four-clouds/events': [
      { body: { items: [entry('ClusterRequested'), entry('NodeJoined', 4)], cursor: 'a' } },
      { body: { items: [entry('ClusterReady')], cursor: 'b' } },
      { body: { items: [], cursor: 'b' } },
      { body: { items: [entry('ClusterDeleted')], cursor: 'c' } },
    ],
  };

  it('are shown page after page under one line of titles', async () => {
    const { out } = await overcast(['events', 'four-clouds'], events);
    expect(out.split('\n').map((line) => line.split(/ +/)[1])).toEqual([
      'EVENT',
      'ClusterRequested',
      'NodeJoined',
      'ClusterReady',
      undefined,
    ]);
    expect(callsOf().map((call) => call.split('?')[1])).toEqual([undefined, 'after=a', 'after=b']);
  });

  it('--follow goes on until the cluster is deleted, and shows titles once and no event twice', async () => {
    const { out } = await overcast(['events', 'four-clouds', '--follow'], events);
    expect(out.split('\n').map((line) => line.split(/ +/)[1])).toEqual([
      'EVENT',
      'ClusterRequested',
      'NodeJoined',
      'ClusterReady',
      'ClusterDeleted',
      undefined,
    ]);
  });

  it('are one JSON object on each line', async () => {
    const { out } = await overcast(['events', 'four-clouds', '-o', 'json'], events);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { event: string }).event),
    ).toEqual(['ClusterRequested', 'NodeJoined', 'ClusterReady']);
  });
});

describe('wrong usage', () => {
  it.each([
    [['cluster', 'lsit'], /Did you mean list\?/],
    [['clusters'], /Did you mean cluster\?/],
    [['apply', '-f', 'x', '--no-wiat'], /Did you mean --no-wait\?/],
    [['apply'], /required option '-f, --filename <file>' not specified/],
    [['cluster', 'get'], /missing required argument 'cluster'/],
    [['cluster', 'list', '-o', 'yaml'], /Allowed choices are table, json/],
  ])('%j is told in words', async (args, message) => {
    const { err, exitCode } = await overcast(args);
    expect(err).toMatch(message);
    expect(exitCode).toBe(exitCodes.usage);
  });
});
