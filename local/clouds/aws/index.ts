import { readOnly, revoked } from '../credentials.ts';
import type { SimulatedRequest, SimulatedResponse, Simulator } from '../server.ts';
import type { GenericOperation, ResourceRow, World } from '../world.ts';
import { accountActions, stsActions } from './account.ts';
import { attachmentActions } from './attachments.ts';
import { damages } from './damage.ts';
import type { Action } from './describe.ts';
import { tagActions as tagActionsOfElb } from './elb/actions.ts';
import { balancerDamages, frontsOf } from './elb/fronts.ts';
import { loadBalancerActions } from './elb/load-balancers.ts';
import { ElbState } from './elb/state.ts';
import { targetGroupActions } from './elb/target-groups.ts';
import { gatewayActions } from './gateways.ts';
import { instanceActions } from './instances.ts';
import { placeStranger } from './launch.ts';
import {
  answerPriceList,
  isPriceListRequest,
  priceListAction,
  priceListError,
  priceListRegions,
} from './price-list.ts';
import { routeTableActions } from './route-tables.ts';
import { readers, refusalOf, type Service } from './readers.ts';
import { runInstances } from './run-instances.ts';
import { securityGroupActions } from './security-groups.ts';
import { sizeActions } from './sizes.ts';
import { State } from './state.ts';
import { subnetActions } from './subnets.ts';
import { tagActions } from './tags.ts';
import { vpcActions } from './vpcs.ts';
import { ApiError, ec2Answer, ec2Error, parseForm, wrappedAnswer, wrappedError, type Form } from './wire.ts';

/** Of the Authorization header, AWS Signature Version 4; the signature itself is not checked: no secret is known here. */
const authorization =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request,\s*SignedHeaders=[^,]+,\s*Signature=[0-9a-f]{64}$/;

const versions = { ec2: '2016-11-15', sts: '2011-06-15', elasticloadbalancing: '2015-12-01' } as const;
/** Those that speak the Query protocol. */
type QueryService = keyof typeof versions;
const queryServices = Object.keys(versions) as QueryService[];

const authFailure = (message: string): ApiError => new ApiError('AuthFailure', message, 401);

/** Which region's endpoint this is, which on one local port only the signature's scope says, and with whose key. */
function scopeOf(request: SimulatedRequest, service: Service): { region: string; keyId: string } {
  const scope = authorization.exec(request.headers['authorization'] ?? '');
  if (scope === null) throw authFailure('AWS was not able to validate the provided access credentials');
  if (scope[4] !== service)
    throw authFailure(`Credential should be scoped to correct service: '${service}'.`);
  if (scope[1] === revoked) throw refusals[service].credentials;
  return { region: scope[3] ?? '', keyId: scope[1] ?? '' };
}

function checkRights(service: Service, action: string, keyId: string): void {
  if (keyId === readOnly && !readers[service].includes(action)) throw refusalOf(service, action);
}

function checkParameters(form: Form, action: Action): void {
  const known = new Set(action.parameters.map((name) => name.replace(/!$/, '')));
  for (const key of form.keys())
    if (key !== 'Action' && key !== 'Version' && !known.has(key.replaceAll(/\.\d+(?=\.|$)/g, '.N')))
      throw new ApiError('UnknownParameter', `The parameter ${key} is not recognized`);
  for (const name of action.parameters)
    if (name.endsWith('!') && (form.get(name.slice(0, -1)) ?? '') === '')
      throw new ApiError('MissingParameter', `The request must contain the parameter ${name.slice(0, -1)}`);
}

const serviceOf = (form: Form): QueryService =>
  queryServices.find((service) => form.get('Version') === versions[service]) ?? 'ec2';

function failed(service: Service, error: ApiError): SimulatedResponse {
  if (service === 'pricing') return priceListError(error);
  return service === 'ec2' ? ec2Error(error) : wrappedError(service, error);
}

const unknownToken = new ApiError(
  'InvalidClientTokenId',
  'The security token included in the request is invalid.',
  403,
);

/** EC2 throttles with 503 and names no time to wait; the others blame the caller. */
const refusals = {
  ec2: {
    throttle: new ApiError('RequestLimitExceeded', 'Request limit exceeded.', 503),
    unavailable: new ApiError('Unavailable', 'The server is overloaded and cannot handle the request.', 503),
    credentials: authFailure('AWS was not able to validate the provided access credentials'),
  },
  sts: {
    throttle: new ApiError('Throttling', 'Rate exceeded', 400),
    unavailable: new ApiError('ServiceUnavailable', 'The service is unavailable.', 503),
    credentials: unknownToken,
  },
  elasticloadbalancing: {
    throttle: new ApiError('Throttling', 'Rate exceeded', 400),
    unavailable: new ApiError('ServiceUnavailable', 'The service is unavailable.', 503),
    credentials: unknownToken,
  },
  pricing: {
    throttle: new ApiError('ThrottlingException', 'Rate exceeded', 400),
    unavailable: new ApiError('InternalErrorException', 'An error on the server occurred.', 500),
    credentials: new ApiError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      400,
    ),
  },
} as const;

/** The Query APIs of EC2 and of Elastic Load Balancing (v2), and of STS the one action that says who is asking. */
export function createAwsSimulator(
  world: World,
  options: {
    /** Source: Amazon VPC quotas: 5 per region until somebody asks for more. */
    vpcsPerRegionMax?: number;
  } = {},
): Simulator {
  const state = new State(world);
  const ec2: Readonly<Record<string, Action>> = {
    ...vpcActions(state, { vpcsPerRegionMax: options.vpcsPerRegionMax ?? 5 }),
    ...subnetActions(state),
    ...gatewayActions(state),
    ...routeTableActions(state),
    ...securityGroupActions(state),
    ...instanceActions(state),
    RunInstances: runInstances(state),
    ...attachmentActions(state),
    ...tagActions(state),
    ...accountActions(),
    ...sizeActions(world),
  };
  const elb = new ElbState(state);
  const actions: Readonly<Record<QueryService, Readonly<Record<string, Action>>>> = {
    ec2,
    sts: stsActions,
    elasticloadbalancing: {
      ...loadBalancerActions(elb),
      ...targetGroupActions(elb),
      ...tagActionsOfElb(elb),
    },
  };
  world.lists(() => [...rows(state), ...balancerRows(elb)]);
  world.balances(() => frontsOf(elb));
  world.placesStrangers('aws', (request) => placeStranger(state, request));
  world.suffers('aws', { ...damages(state, ec2), ...balancerDamages(elb) });

  return {
    cloud: 'aws',

    classify(request) {
      if (isPriceListRequest(request)) return 'readOfferings';
      const form = parseForm(request.body);
      const name = form.get('Action') ?? '';
      return name === 'DescribeInstances'
        ? readOf(form)
        : (actions[serviceOf(form)][name]?.operation ?? 'other');
    },

    handle(request) {
      if (isPriceListRequest(request)) return priceList(world, request);
      const form = parseForm(request.body);
      const service = serviceOf(form);
      try {
        if (request.method !== 'POST' || request.url.pathname !== '/')
          throw new ApiError('InvalidAction', `${request.method} ${request.url.pathname} is not understood`);
        const { region, keyId } = scopeOf(request, service);
        const name = form.get('Action');
        if (name === undefined) throw new ApiError('MissingAction', 'The request is missing an action');
        if (form.get('Version') !== versions[service])
          throw new ApiError(
            'NoSuchVersion',
            `The requested version (${form.get('Version') ?? ''}) of service ${service} does not exist`,
          );
        const action = actions[service][name];
        if (action === undefined)
          throw new ApiError('InvalidAction', `The action ${name} is not valid for this web service.`);
        checkRights(service, name, keyId);
        checkParameters(form, action);
        state.settle();
        const values = action.run({ form, region });
        return service === 'ec2' ? ec2Answer(name, values) : wrappedAnswer(service, name, values);
      } catch (error) {
        if (error instanceof ApiError) return failed(service, error);
        throw error;
      }
    },

    refuse(why, request) {
      const service = isPriceListRequest(request) ? 'pricing' : serviceOf(parseForm(request.body));
      return failed(service, refusals[service][why]);
    },
  };
}

/** It has an endpoint in few regions, which answers for all of them. */
function priceList(world: World, request: SimulatedRequest): SimulatedResponse {
  try {
    const { region, keyId } = scopeOf(request, 'pricing');
    checkRights('pricing', priceListAction(request), keyId);
    if (!priceListRegions.includes(region))
      throw new ApiError('InvalidAction', `The Price List API has no endpoint in ${region}`);
    return answerPriceList(world, request);
  } catch (error) {
    if (error instanceof ApiError) return priceListError(error);
    throw error;
  }
}

/** One machine is read by id or by its client token; everything else is a list. */
const readOf = (form: Form): GenericOperation =>
  form.has('InstanceId.1') ||
  [...form].some(([key, value]) => key.endsWith('.Name') && value === 'client-token')
    ? 'readMachine'
    : 'listMachines';

function rows(state: State): ResourceRow[] {
  state.settle();
  const row = (kind: string, id: string, inside?: string, status = 'available'): ResourceRow => {
    const tags = state.tagsOf(id);
    return {
      cloud: 'aws',
      kind,
      id,
      name: tags['Name'] ?? '',
      state: status,
      tags: Object.entries(tags).map(([key, value]) => `${key}=${value}`),
      ...(inside === undefined ? {} : { inside }),
    };
  };
  const living = state.instances.values().filter((instance) => !state.isTerminated(instance));
  return [
    ...state.vpcs.values().map((vpc) => row('vpc', vpc.id)),
    ...state.subnets.values().map((subnet) => row('subnet', subnet.id, subnet.vpcId)),
    ...state.gateways.values().map((gateway) => row('internet-gateway', gateway.id, gateway.vpcId)),
    ...state.routeTables.values().map((table) => row('route-table', table.id, table.vpcId)),
    ...state.securityGroups.values().map((group) => row('security-group', group.id, group.vpcId)),
    ...state.volumes
      .values()
      .map((volume) =>
        row('volume', volume.id, undefined, volume.attachment === undefined ? 'available' : 'in-use'),
      ),
    ...state.interfaces
      .values()
      .map((nic) =>
        row(
          'network-interface',
          nic.id,
          nic.vpcId,
          nic.attachment === undefined && nic.managedBy === undefined ? 'available' : 'in-use',
        ),
      ),
    ...living.map((instance) => {
      const machine = state.world.machine('aws', instance.id);
      return row(
        'machine',
        instance.id,
        instance.vpcId,
        machine === undefined ? 'gone' : state.world.state(machine),
      );
    }),
  ];
}

const balancerRows = (elb: ElbState): ResourceRow[] => {
  const row = (
    kind: string,
    { id, name, vpcId }: { id: string; name: string; vpcId: string },
  ): ResourceRow => ({
    cloud: 'aws',
    kind,
    id,
    name,
    state: 'available',
    tags: Object.entries(elb.ec2.tagsOf(id)).map(([key, value]) => `${key}=${value}`),
    inside: vpcId,
  });
  return [
    ...elb.loadBalancers.values().map((balancer) => row('load-balancer', balancer)),
    ...elb.targetGroups.values().map((group) => row('target-group', group)),
  ];
};
