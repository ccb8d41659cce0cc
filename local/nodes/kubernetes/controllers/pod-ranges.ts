import type { Controller, ControllerContext } from './controller.ts';
import type { Node } from './shapes.ts';

/** 10.217.0.0/16 in ranges of 256 addresses. */
const rangesMax = 256;
const rangeOf = (number: number): string => `10.217.${number}.0/24`;

/** Gives each node its own range of pod addresses, the lowest that is free. */
export function createPodRangeController({ objects }: ControllerContext): Controller {
  return {
    name: 'pod-ranges',
    keys: () => ['nodes'],
    wokenBy: ({ type, plural, object }) =>
      plural === 'nodes' && (type === 'DELETED' || (object as Node).spec?.podCIDR === undefined)
        ? ['nodes']
        : [],
    reconcile: () => {
      const nodes = objects.list('nodes') as readonly Node[];
      const taken = new Set(nodes.map(({ spec }) => spec?.podCIDR));
      let next = 0;
      for (const { metadata, spec } of nodes) {
        if (spec?.podCIDR !== undefined) continue;
        while (next < rangesMax && taken.has(rangeOf(next))) next += 1;
        if (next >= rangesMax) return undefined;
        const range = rangeOf(next);
        taken.add(range);
        objects.change('nodes', metadata.name, undefined, (object) => ({
          ...object,
          spec: { ...(object as Node).spec, podCIDR: range, podCIDRs: [range] },
        }));
      }
      return undefined;
    },
  };
}
