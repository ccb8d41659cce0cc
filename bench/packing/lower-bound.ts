import type { Offering } from '../../shared/domain/offering.ts';
import type { Pod } from '../../shared/domain/pod.ts';
import type { Allocatable } from '../../shared/planning/pack-pods/packing.ts';

type Vector = readonly [cpu: number, memory: number, pods: number];

/** More pivots than any of these needs. */
const pivotsMax = 1000;

/**
 * What the pods cost at least: as if nodes could be bought in fractions and pods cut up. The linear programme "cover all CPU, all
 * memory and all pods at the least price", solved by the revised simplex method; its optimum has at most three offerings. Only
 * for pods that may run on every offering, or as a bound that knows of no rule.
 *
 * @returns US dollars per hour.
 */
export function fractionalLowerBound(
  pods: readonly Pod[],
  offerings: readonly Offering[],
  allocatableOf: (offering: Offering) => Allocatable,
): number {
  const need: Vector = [
    pods.reduce((sum, { requests }) => sum + requests.cpuMillis, 0),
    pods.reduce((sum, { requests }) => sum + requests.memoryBytes, 0),
    pods.length,
  ];
  // In units of what is needed, so that all numbers are of one size: cover 1 of each.
  const columns = offerings.map((offering) => {
    const { cpuMillis, memoryBytes, pods: places } = allocatableOf(offering);
    return {
      room: [cpuMillis / need[0], memoryBytes / need[1], places / need[2]] as Vector,
      price: offering.usdPerHour,
    };
  });
  const surplus = (
    [
      [-1, 0, 0],
      [0, -1, 0],
      [0, 0, -1],
    ] as const
  ).map((room): Column => ({ room, price: 0 }));
  // To begin with something that covers all, however dear: it leaves at once.
  const dear = 1e6 * Math.max(...columns.map(({ price }) => price)) * need[2];
  let basis: Column[] = (
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ] as const
  ).map((room) => ({ room, price: dear }));
  for (let pivot = 0; pivot < pivotsMax; pivot += 1) {
    const inverse = invert(basis.map(({ room }) => room));
    const amounts = timesColumn(inverse, [1, 1, 1]);
    const prices = timesRow(basis.map(({ price }) => price) as unknown as Vector, inverse);
    const cost = basis.reduce((sum, { price }, at) => sum + price * (amounts[at] ?? 0), 0);
    let entering: Column | undefined;
    let best = -1e-12;
    for (const column of [...columns, ...surplus]) {
      const reduced = (column.price - dot(prices, column.room)) / (1 + column.price);
      if (reduced < best) [entering, best] = [column, reduced];
    }
    if (entering === undefined) return cost;
    const direction = timesColumn(inverse, entering.room);
    let leaving = -1;
    let ratio = Infinity;
    direction.forEach((step, at) => {
      if (step > 1e-12 && (amounts[at] ?? 0) / step < ratio)
        [leaving, ratio] = [at, (amounts[at] ?? 0) / step];
    });
    basis = basis.map((column, at) => (at === leaving && entering !== undefined ? entering : column));
  }
  throw new Error(`no lower bound after ${pivotsMax} pivots`);
}

interface Column {
  readonly room: Vector;
  readonly price: number;
}

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const timesColumn = (rows: readonly Vector[], column: Vector): Vector =>
  rows.map((row) => dot(row, column)) as unknown as Vector;
const timesRow = (row: Vector, rows: readonly Vector[]): Vector =>
  [0, 1, 2].map((at) =>
    rows.reduce((sum, each, of) => sum + (row[of] ?? 0) * (each[at] ?? 0), 0),
  ) as unknown as Vector;

/** Of the matrix with these columns, by rows. */
function invert(columns: readonly Vector[]): readonly Vector[] {
  const [a, b, c] = columns as readonly [Vector, Vector, Vector];
  const cross = (x: Vector, y: Vector): Vector => [
    x[1] * y[2] - x[2] * y[1],
    x[2] * y[0] - x[0] * y[2],
    x[0] * y[1] - x[1] * y[0],
  ];
  const determinant = dot(a, cross(b, c));
  return [cross(b, c), cross(c, a), cross(a, b)].map(
    (row) => row.map((each) => each / determinant) as unknown as Vector,
  );
}
