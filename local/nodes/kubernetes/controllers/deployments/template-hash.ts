import type { PodTemplate } from '../shapes.ts';
import { spelled } from '../new-pod.ts';

export const templateHashLabel = 'pod-template-hash';

/** JSON with its keys in order: equal templates give equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      // `creationTimestamp: null` is how Go's clients write that there is none.
      .filter(([, each]) => each !== undefined && each !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** The template without the label that its replica set added. */
export function bareTemplate(template: PodTemplate): PodTemplate {
  const { [templateHashLabel]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

export const sameTemplate = (a: PodTemplate, b: PodTemplate): boolean =>
  canonical(bareTemplate(a)) === canonical(bareTemplate(b));

/** FNV-1a of 32 bits, in letters: what the names of a deployment's replica sets end with. */
export function templateHash(template: PodTemplate, collisions: number): string {
  let hash = 0x81_1c_9d_c5;
  for (const byte of Buffer.from(
    `${canonical(bareTemplate(template))}${collisions === 0 ? '' : collisions}`,
  )) {
    hash = Math.imul(hash ^ byte, 0x01_00_01_93) >>> 0;
  }
  return spelled(hash);
}
