import type { PeerCertificate } from 'node:tls';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export const isAnonymous = (user: User): boolean => user.groups.includes('system:unauthenticated');

const textsOf = (value: string | readonly string[] | undefined): readonly string[] => {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
};

/** A verified client certificate says who: the common name is the user, each organization a group. */
export function userOf(certificate: PeerCertificate | undefined): User | undefined {
  // Node's types say text; a certificate with several of a kind has a list.
  const subject = certificate?.subject as
    | Readonly<Record<string, string | readonly string[] | undefined>>
    | undefined;
  const [name] = textsOf(subject?.['CN']);
  if (name === undefined || name === '') return undefined;
  return { name, groups: [...textsOf(subject?.['O']), 'system:authenticated'] };
}

const nodePrefix = 'system:node:';

/** The node whose kubelet that is. */
export const nodeOf = ({ name, groups }: User): string | undefined =>
  groups.includes('system:nodes') && name.startsWith(nodePrefix) ? name.slice(nodePrefix.length) : undefined;
