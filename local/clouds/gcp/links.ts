import { createHash } from 'node:crypto';
import { invalidField } from './failure.ts';

const base = 'https://www.googleapis.com/compute/v1/';

/** Resources are named by their path below `compute/v1/`; on the wire they are whole URLs. */
export const linkTo = (path: string): string => `${base}${path}`;

/** `firewalls` → `firewall`, as the API's own words for kinds have it. */
export const singular = (kind: string): string => kind.replace(/(?<=ss)es$|s$/, '');

export const lastOf = (link: string): string => link.slice(link.lastIndexOf('/') + 1);

/**
 * A reference as requests may spell it: a whole URL, a path, or one relative to the project or place
 * (`global/networks/x`, `zones/z/machineTypes/t`, `machineTypes/t`).
 */
export function pathOf(link: unknown, project: string, field: string): string {
  const text = typeof link === 'string' ? link : '';
  const path = text.replace(/^https?:\/\/[^/]+\/(?:compute\/v1\/)?/, '');
  if (/^projects\/[^/]+\/(?:global|regions\/[^/]+|zones\/[^/]+)\/[A-Za-z]+(?:\/[^/]+){1,2}$/.test(path))
    return path;
  if (/^(?:global|regions\/[^/]+|zones\/[^/]+)\/[A-Za-z]+(?:\/[^/]+){1,2}$/.test(path))
    return `projects/${project}/${path}`;
  throw invalidField(field, link, 'The URL is malformed.');
}

/** A number that is always the same for the same text, as GCE's numeric ids are for a resource's life. */
export const hash = (text: string): string =>
  (createHash('sha256').update(text).digest().readBigUInt64BE() >> 1n).toString();

export const fingerprint = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest().subarray(0, 8).toString('base64');

/** GCE writes its times in California. */
export const timestamp = (milliseconds: number): string =>
  new Date(milliseconds - 8 * 3_600_000).toISOString().replace('Z', '-08:00');
