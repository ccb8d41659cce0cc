import type { Resources } from '../../domain/pod.ts';
import type { Outcome, Task } from './attempt.ts';
import type { NewNode, Packing, PackingOptions, Placement } from './packing.ts';
import { placedByDemand, type Placed } from './scene.ts';
import { explainUnplaced } from './why-unplaced.ts';

/** What was attempted, in the words of those who asked. Headroom takes room, but is nobody's pod. */
export function toPacking(options: PackingOptions, task: Task, outcome: Outcome): Packing {
  const { scene } = outcome;
  const isPods = (demand: number): boolean => (scene.demands[demand]?.pods.length ?? 0) > 0;
  const newNodes: (NewNode & { readonly requested: Resources })[] = [];
  const numbers = new Map<object, number>();
  for (const bin of scene.bins) {
    if (!('product' in bin.from)) continue;
    const { offering, room } = bin.from.product;
    numbers.set(bin, newNodes.length);
    newNodes.push({ offering, room, requested: { cpuMillis: 0, memoryBytes: 0 } });
  }

  const toPlacement = ({ demand, count, bin }: Placed): Placement => ({
    podClass: demand,
    count,
    on: 'node' in bin.from ? { node: bin.from.node.name } : { newNode: numbers.get(bin) ?? -1 },
  });
  const ofPods = scene.placed.filter(({ demand }) => isPods(demand));
  const atOnce = ofPods.filter(({ isLate }) => !isLate).map(toPlacement);
  const late = ofPods.filter(({ isLate }) => isLate).map(toPlacement);
  late.sort((a, b) => a.podClass - b.podClass);

  const requested = newNodes.map(() => ({ cpuMillis: 0, memoryBytes: 0 }));
  for (const { demand, count, bin } of ofPods) {
    const sum = requested[numbers.get(bin) ?? -1];
    const load = scene.demands[demand];
    if (sum === undefined || load === undefined) continue;
    sum.cpuMillis += load.cpuMillis * count;
    sum.memoryBytes += load.memoryBytes * count;
  }

  const withHeadroom = new Set(
    scene.placed.filter(({ demand }) => !isPods(demand)).map(({ bin }) => numbers.get(bin)),
  );
  const placed = placedByDemand(scene);
  const missing = (scene.demands.at(-1)?.count ?? 0) - (placed.at(-1) ?? 0);
  const headroom = scene.demands.at(-1);
  return {
    classes: scene.demands.filter(({ pods }) => pods.length > 0).map(({ spec, pods }) => ({ spec, pods })),
    placements: [...atOnce, ...late],
    placementsAtOnce: atOnce.length,
    newNodes: newNodes.map((node, at) => ({
      ...node,
      requested: requested[at] ?? node.requested,
      ...(withHeadroom.has(at) && { holdsHeadroom: true }),
    })),
    unplaced: explainUnplaced(options, task, outcome, placed),
    ...(headroom !== undefined &&
      headroom.pods.length === 0 &&
      missing > 0 && {
        headroomMissing: {
          cpuMillis: headroom.cpuMillis * missing,
          memoryBytes: headroom.memoryBytes * missing,
        },
      }),
    usdPerHour: newNodes.reduce((sum, { offering }) => sum + offering.usdPerHour, 0),
  };
}
