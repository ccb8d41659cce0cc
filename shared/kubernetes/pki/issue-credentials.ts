import type { ClusterId, Instant } from '../../domain/ids.ts';
import { controlPlaneHost } from '../../planning/kubeadm-config-endpoint.ts';
import { adminsGroup, platformGroup } from '../../planning/kubeadm-config-security.ts';
import { issueLeaf, type CertificateAuthority, type Credential, type RandomBytes } from './certificate.ts';

export interface Issuer {
  /** The cluster's authority. */
  readonly authority: CertificateAuthority;
  readonly now: Instant;
  readonly randomBytes: RandomBytes;
}

export const bootstrapValidSeconds = 30 * 60;
export const adminValidSeconds = 24 * 3600;
/** Renewed when less than a third is left: an outage of two days locks nobody out. */
export const platformValidSeconds = 7 * 24 * 3600;
export const platformUser = 'overcast:platform';

/**
 * One node's right to join, as that node: it may read kubeadm's configuration and renew its own certificate. Not of kubeadm's
 * bootstrappers: whoever is among these gets a certificate for any node's name, a control plane's too.
 */
export const issueBootstrapCredential = (issuer: Issuer, nodeName: string): Promise<Credential> =>
  issueLeaf({
    ...issuer,
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
    use: { for: 'client' },
    validSeconds: bootstrapValidSeconds,
  });

const userCharactersMax = 128;

/** Letters, digits and what mail addresses and principals have; quotes, escapes and a leading # mean something in X.509 names. */
const userPattern = /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M} .,@_:|+=/-]*[\p{L}\p{N}\p{M}])?$/u;

/** Why nobody may be called that. Kubernetes and Overcast keep names of their own, however they are capitalised. */
export function objectionToUser(user: string): string | undefined {
  if (user.length > userCharactersMax) return `has at most ${userCharactersMax} characters`;
  if (!userPattern.test(user)) return 'has letters, digits and . , @ _ : | + = / - between them';
  return /^(?:system|kubeadm|overcast):/i.test(user)
    ? 'does not begin with system:, kubeadm: or overcast:'
    : undefined;
}

/**
 * A person's access for one day: cluster-admin by its group, which can be unbound, and never `system:masters`, which cannot.
 *
 * @throws Error when the user's name would pass for one of Kubernetes' own.
 */
export async function issueAdminCredential(issuer: Issuer, user: string): Promise<Credential> {
  const objection = objectionToUser(user);
  if (objection !== undefined) throw new Error(`a user's name ${objection}`);
  return issueLeaf({
    ...issuer,
    commonName: user,
    organizations: [adminsGroup],
    use: { for: 'client' },
    validSeconds: adminValidSeconds,
  });
}

/** kubeadm init binds it to cluster-admin: so the platform may act before it has made bindings of its own. */
const kubeadmAdminsGroup = 'kubeadm:cluster-admins';

/** What the platform itself shows to the cluster's API servers. */
export const issuePlatformCredential = (issuer: Issuer): Promise<Credential> =>
  issueLeaf({
    ...issuer,
    commonName: platformUser,
    organizations: [kubeadmAdminsGroup, platformGroup],
    use: { for: 'client' },
    validSeconds: platformValidSeconds,
  });

/** An API server's, where kubeadm does not make it: the local platform's clusters. */
export const issueServingCredential = (
  issuer: Issuer,
  server: {
    readonly clusterId: ClusterId;
    readonly addresses: readonly string[];
    readonly validSeconds: number;
  },
): Promise<Credential> =>
  issueLeaf({
    ...issuer,
    commonName: 'kube-apiserver',
    organizations: [],
    use: {
      for: 'server',
      dnsNames: [
        controlPlaneHost(server.clusterId),
        'localhost',
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ],
      addresses: server.addresses,
    },
    validSeconds: server.validSeconds,
  });
