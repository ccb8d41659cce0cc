import { timestamp } from '../objects.ts';
import type { KubernetesObject } from '../model.ts';
import { conditionOf, withCondition } from './conditions.ts';
import type { Controller, ControllerContext } from './controller.ts';
import type { Condition } from './shapes.ts';
import { signRequest, subjectOf } from './sign-request.ts';

export const signers = {
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  client: 'kubernetes.io/kube-apiserver-client',
} as const;

const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';
const bootstrappers = 'system:bootstrappers';
const clientUsages = new Set(['client auth', 'digital signature', 'key encipherment']);
const defaultValidSeconds = 365 * 24 * 3600;

export interface SigningRequest extends KubernetesObject {
  readonly spec: {
    /** PEM of a PKCS #10 request, in base64. */
    readonly request: string;
    readonly signerName: string;
    readonly usages?: readonly string[];
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly expirationSeconds?: number;
  };
  readonly status?: { readonly conditions?: readonly Condition[]; readonly certificate?: string };
}

const pemOf = ({ spec }: SigningRequest): string => Buffer.from(spec.request, 'base64').toString();

/** Whether this asks for a kubelet's own client certificate: any machine at its first, and a node for itself. Pure. */
export function isKubeletsOwn(request: SigningRequest): boolean {
  const { signerName, usages = [], username, groups = [] } = request.spec;
  if (signerName !== signers.kubeletClient) return false;
  if (!usages.includes('client auth') || !usages.every((usage) => clientUsages.has(usage))) return false;
  const { commonName, organizations } = subjectOf(pemOf(request));
  if (!commonName.startsWith(nodePrefix) || commonName === nodePrefix) return false;
  if (organizations.length !== 1 || organizations[0] !== nodesGroup) return false;
  const first = groups.some((group) => group === bootstrappers || group.startsWith(`${bootstrappers}:`));
  return first || (groups.includes(nodesGroup) && username === commonName);
}

/** Approves kubelets' requests for client certificates, and signs whatever is approved. */
export function createCertificateController({ objects, clock, hooks, log }: ControllerContext): Controller {
  const underWay = new Set<string>();

  const write = (name: string, how: (request: SigningRequest) => SigningRequest): void => {
    objects.change('certificatesigningrequests', name, undefined, (object) => how(object as SigningRequest));
  };

  const condition = (name: string, type: string, reason: string, message: string): void =>
    write(name, (request) => ({
      ...request,
      status: {
        ...request.status,
        conditions: withCondition(
          request.status?.conditions,
          { type, status: 'True', reason, message, lastUpdateTime: timestamp(clock.now()) },
          clock.now(),
        ),
      },
    }));

  const sign = async (request: SigningRequest): Promise<void> => {
    const { name } = request.metadata;
    const { signerName, expirationSeconds = defaultValidSeconds } = request.spec;
    try {
      const certificate = await signRequest({
        requestPem: pemOf(request),
        authority: hooks.authority,
        use: signerName === signers.kubeletServing ? 'server' : 'client',
        validSeconds: expirationSeconds,
        nowMs: clock.now(),
      });
      write(name, (object) => ({
        ...object,
        status: { ...object.status, certificate: Buffer.from(certificate).toString('base64') },
      }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      log(`certificate request ${name}: ${message}`);
      condition(name, 'Failed', 'SigningError', message);
    } finally {
      underWay.delete(name);
    }
  };

  return {
    name: 'certificate-requests',
    keys: () => objects.list('certificatesigningrequests').map(({ metadata }) => metadata.name),
    wokenBy: ({ type, plural, object }) =>
      plural === 'certificatesigningrequests' && type !== 'DELETED' ? [object.metadata.name] : [],
    reconcile: (name) => {
      const request = objects.get('certificatesigningrequests', name) as SigningRequest | undefined;
      if (request === undefined || request.status?.certificate !== undefined || underWay.has(name))
        return undefined;
      const is = (type: string): boolean => conditionOf(request, type) !== undefined;
      if (is('Denied') || is('Failed')) return undefined;
      if (is('Approved')) {
        const known: readonly string[] = Object.values(signers);
        if (!known.includes(request.spec.signerName)) return undefined;
        underWay.add(name);
        void sign(request);
      } else if (isKubeletsOwn(request)) {
        condition(
          name,
          'Approved',
          'AutoApproved',
          'Auto approving kubelet client certificate after SubjectAccessReview.',
        );
      }
      return undefined;
    },
  };
}
