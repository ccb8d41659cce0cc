import type { Disk } from '../../disk.ts';
import type { Caller, Guard } from '../iam/guard.ts';
import { AwsError, type WireRequest, type WireResponse } from '../wire.ts';
import { answer, type Answer, type Surroundings } from './answer.ts';
import { answerAboutChecks, type May } from './check-routes.ts';
import { openChecks } from './checks.ts';
import { compareRecords, openRecords, wireName, type RecordSet, type ZoneRecords } from './records.ts';
import { readChanges, recordOnWire, xmlAnswer, xmlError } from './requests.ts';

/** What may befall a call, in the words of whoever plays fate. */
export type Strike = 'throttle' | 'unavailable' | 'credentials' | 'cut' | 'lose-reply';

/** The world around Route 53: addresses that answer or do not, and what befalls its calls. */
export interface Route53World {
  /** Whether something takes TCP connections there. */
  readonly probe: (address: string, port: number) => Promise<boolean>;
  /** What an alias out of the zone leads to, and whether anything behind it is healthy. */
  readonly resolveAlias: (dnsName: string) => Promise<ReturnType<Surroundings['resolveAlias']>>;
  readonly strike: (operation: 'readNames' | 'changeNames') => Strike | undefined;
}

export interface Route53 {
  /** Undefined: the request is not Route 53's. `cut`: the connection breaks. */
  readonly serve: (request: WireRequest) => WireResponse | 'cut' | undefined;
  readonly answer: (question: { name: string; type: string }) => Promise<Answer>;
  readonly close: () => void;
}

/** Names that aliases of these records lead to, other than the zone's own. */
const aliasesOut = (records: readonly RecordSet[], zoneId: string): readonly string[] =>
  records.flatMap(({ AliasTarget }) =>
    AliasTarget === undefined || AliasTarget.HostedZoneId === zoneId
      ? []
      : [AliasTarget.DNSName.replace(/\.$/, '')],
  );

const version = '/2013-04-01/';
/** Source: Route 53 API Reference. */
const recordsPerPage = 300;

/**
 * Hosted zones that their owner has made beforehand, their records, and health checks: ListResourceRecordSets,
 * ChangeResourceRecordSets, ListHealthChecks, CreateHealthCheck, GetHealthCheck, GetHealthCheckStatus, DeleteHealthCheck,
 * each under the caller's role. Signatures are not verified, as with all services here.
 */
export function openRoute53(options: {
  readonly zones: readonly { readonly id: string; readonly name: string }[];
  readonly disk: Disk;
  readonly guard: Guard;
  readonly identify: (request: WireRequest) => Caller;
  readonly world: Route53World;
  readonly waitScale: number;
  readonly random: () => number;
  readonly log: (line: string) => void;
}): Route53 {
  const { disk, guard, world, log } = options;
  const stored = disk.collection<RecordSet>('route53-records');
  const zones = options.zones.map(({ id, name }) => openRecords({ id, name: wireName(name) }, stored));
  const checks = openChecks({
    stored: disk.collection('route53-checks'),
    spent: disk.collection('route53-references'),
    probe: world.probe,
    waitScale: options.waitScale,
    log,
  });

  const zoneNamed = (id: string): ZoneRecords => {
    const found = zones.find(({ zone }) => zone.id === id);
    if (found === undefined)
      throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${id}`, 404);
    return found;
  };
  const mayFor =
    (caller: Caller): May =>
    (action, resource = '*', context = {}) =>
      guard.demand(caller, { action: `route53:${action}`, resources: [resource], context });
  const zoneArn = (id: string): string => `arn:aws:route53:::hostedzone/${id}`;

  const listRecords = (id: string, query: URLSearchParams, caller: Caller): WireResponse => {
    mayFor(caller)('ListResourceRecordSets', zoneArn(id));
    const records = zoneNamed(id).list();
    const [name, type, identifier] = ['name', 'type', 'identifier'].map((key) => query.get(key) ?? undefined);
    if (type !== undefined && name === undefined)
      throw new AwsError('InvalidInput', 'StartRecordType without StartRecordName');
    const from: RecordSet | undefined =
      name === undefined
        ? undefined
        : {
            Name: wireName(name),
            Type: type ?? '',
            ...(identifier === undefined ? {} : { SetIdentifier: identifier }),
          };
    const rest = from === undefined ? records : records.filter((record) => compareRecords(record, from) >= 0);
    const size = Math.min(recordsPerPage, Number(query.get('maxitems') ?? recordsPerPage));
    const page = rest.slice(0, size);
    const next = rest[size];
    return xmlAnswer(200, 'ListResourceRecordSetsResponse', {
      ResourceRecordSets: { ResourceRecordSet: page.map(recordOnWire) },
      IsTruncated: next !== undefined,
      ...(next === undefined
        ? {}
        : {
            NextRecordName: next.Name,
            NextRecordType: next.Type,
            ...(next.SetIdentifier === undefined ? {} : { NextRecordIdentifier: next.SetIdentifier }),
          }),
      MaxItems: size,
    });
  };

  const changeRecords = (id: string, request: WireRequest, caller: Caller): WireResponse => {
    const changes = readChanges(request.body);
    mayFor(caller)('ChangeResourceRecordSets', zoneArn(id), {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': changes.map(({ record }) =>
        record.Name.replace(/\.$/, ''),
      ),
      'route53:ChangeResourceRecordSetsRecordTypes': changes.map(({ record }) => record.Type),
      'route53:ChangeResourceRecordSetsActions': changes.map(({ action }) => action),
    });
    const zone = zoneNamed(id);
    // A deletion repeats what is there, also a check that somebody deleted meanwhile.
    for (const { action, record } of changes)
      if (action !== 'DELETE' && record.HealthCheckId !== undefined) checks.get(record.HealthCheckId);
    const wrong = zone.change(changes);
    if (wrong.length > 0) throw new AwsError('InvalidChangeBatch', `[${wrong.join(', ')}]`);
    return xmlAnswer(200, 'ChangeResourceRecordSetsResponse', {
      ChangeInfo: { Id: '/change/C0000000LOCAL', Status: 'PENDING', SubmittedAt: new Date().toISOString() },
    });
  };

  const act = (request: WireRequest, url: URL): WireResponse => {
    const caller = options.identify(request);
    const [noun, id, aspect] = url.pathname.slice(version.length).split('/').filter(Boolean);
    const { method } = request;
    const done =
      noun === 'hostedzone' && id !== undefined && aspect === 'rrset'
        ? method === 'GET'
          ? listRecords(id, url.searchParams, caller)
          : changeRecords(id, request, caller)
        : noun === 'healthcheck'
          ? answerAboutChecks(request, { id, aspect, query: url.searchParams, checks, may: mayFor(caller) })
          : undefined;
    if (done === undefined)
      throw new AwsError(
        'InvalidInput',
        `${method} ${url.pathname} is not served by the local Route 53`,
        404,
      );
    return done;
  };

  const refusal = (why: Strike, isChange: boolean): AwsError | undefined => {
    if (why === 'throttle')
      return isChange
        ? new AwsError(
            'PriorRequestNotComplete',
            'The request was rejected because Route 53 was still processing a prior request.',
          )
        : new AwsError('Throttling', 'Rate exceeded');
    if (why === 'unavailable')
      return new AwsError('ServiceUnavailable', 'Service is unable to handle request.', 503);
    if (why === 'credentials')
      return new AwsError(
        'InvalidClientTokenId',
        'The security token included in the request is invalid.',
        403,
      );
    return undefined;
  };

  return {
    serve(request) {
      if (!request.url.startsWith(version)) return undefined;
      const url = new URL(request.url, 'http://route53');
      const isChange = request.method !== 'GET';
      const struck = world.strike(isChange ? 'changeNames' : 'readNames');
      if (struck === 'cut') return 'cut';
      try {
        const refused = struck === undefined ? undefined : refusal(struck, isChange);
        if (refused !== undefined) throw refused;
        const done = act(request, url);
        return struck === 'lose-reply' ? 'cut' : done;
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        return xmlError(error);
      }
    },
    async answer(question) {
      const name = wireName(question.name);
      const found = zones.find(({ zone }) => name === zone.name || name.endsWith(`.${zone.name}`));
      if (found === undefined) return { code: 'REFUSED', records: [] };
      const records = found.list();
      const led = new Map(
        await Promise.all(
          aliasesOut(records, found.zone.id).map(
            async (target) => [target, await world.resolveAlias(target)] as const,
          ),
        ),
      );
      return answer(question, {
        zone: found.zone,
        records,
        isHealthy: (id) => checks.isHealthy(id),
        resolveAlias: (target) => led.get(target),
        random: options.random,
      });
    },
    close: () => checks.close(),
  };
}
