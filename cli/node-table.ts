import type { NodeView } from '../shared/domain/api-types.ts';
import { age, colourOf, formatTable, type Column } from './table.ts';

const number: Column<NodeView> = { title: 'NUMBER', value: (node) => String(node.number) };
const role: Column<NodeView> = { title: 'ROLE', value: (node) => node.role };
const cloud: Column<NodeView> = { title: 'CLOUD', value: (node) => node.cloud };
const type: Column<NodeView> = { title: 'TYPE', value: ({ instanceType }) => instanceType };
const lifecycle: Column<NodeView> = { title: 'LIFECYCLE', value: (node) => node.lifecycle };
const phase: Column<NodeView> = {
  title: 'PHASE',
  value: (node) => node.phase,
  colour: (node) => colourOf(node.phase),
};
const overlay: Column<NodeView> = { title: 'OVERLAY', value: ({ overlayAddress }) => overlayAddress };
const publicly: Column<NodeView> = { title: 'PUBLIC', value: ({ publicAddress }) => publicAddress ?? '-' };
const since = (now: number): Column<NodeView> => ({
  title: 'AGE',
  value: ({ createdAt }) => age(createdAt, now),
});

export const nodeTable = (nodes: readonly NodeView[], now: number): string =>
  formatTable<NodeView>([number, role, cloud, type, lifecycle, phase, overlay, publicly, since(now)], nodes);

/** With everything that decides what a node costs. */
export const wideNodeTable = (nodes: readonly NodeView[], now: number): string =>
  formatTable<NodeView>(
    [
      number,
      { title: 'NAME', value: ({ name }) => name },
      role,
      cloud,
      { title: 'ZONE', value: ({ zone }) => zone || '-' },
      type,
      { title: 'VERSION', value: ({ kubernetesVersion }) => kubernetesVersion },
      { title: 'VCPUS', value: ({ vcpus }) => String(vcpus) },
      { title: 'GIB', value: ({ memoryGib }) => String(memoryGib) },
      lifecycle,
      { title: 'USD/HOUR', value: ({ usdPerHour }) => usdPerHour.toFixed(4) },
      phase,
      overlay,
      publicly,
      { title: 'PRIVATE', value: ({ privateAddress }) => privateAddress ?? '-' },
      since(now),
    ],
    nodes,
  );
