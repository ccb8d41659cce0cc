import type { Demand } from './demands.ts';
import type { Product } from './market.ts';

/** What one thousandth of a vCPU and one byte are worth, US dollars per hour. */
export interface Worth {
  readonly ofCpu: number;
  readonly ofMemory: number;
}

/** Steps of golden-section search between "CPU alone has a price" and "memory alone has": to a hundred-thousandth. */
const searchSteps = 24;
const goldenShare = (Math.sqrt(5) - 1) / 2;
/** A pod that asks for nothing is not free: it takes a pod's place on a node. */
const worthOfPlaceShare = 0.001;

/**
 * The prices of CPU and memory at which these products sell best: none of them is worth more than it costs, and all that is
 * asked for together is worth as much as it can be. That is the fractional lower bound's dual, so what is asked for cannot be
 * had for less than it is worth.
 */
export function worthOf(
  products: readonly Pick<Product, 'room' | 'usdPerHour'>[],
  asked: { cpuMillis: number; memoryBytes: number },
): Worth {
  const [cpuUnit, memoryUnit] = [1000, 2 ** 30];
  const cpus = Float64Array.from(products, ({ room }) => room.cpuMillis / cpuUnit);
  const memories = Float64Array.from(products, ({ room }) => room.memoryBytes / memoryUnit);
  const prices = Float64Array.from(products, ({ usdPerHour }) => usdPerHour);
  /** The highest prices in this proportion at which no product is worth more than it costs. */
  const scaleAt = (share: number): number => {
    let scale = Infinity;
    for (let at = 0; at < prices.length; at += 1) {
      const weight = (1 - share) * (cpus[at] ?? 0) + share * (memories[at] ?? 0);
      if (weight > 0) scale = Math.min(scale, (prices[at] ?? 0) / weight);
    }
    return scale === Infinity ? 0 : scale;
  };
  const totalAt = (share: number): number =>
    scaleAt(share) * (((1 - share) * asked.cpuMillis) / cpuUnit + (share * asked.memoryBytes) / memoryUnit);

  // What is asked for is worth more and more up to the best share, and then less and less.
  let [low, high] = [0, 1];
  let [left, right] = [1 - goldenShare, goldenShare];
  let [atLeft, atRight] = [totalAt(left), totalAt(right)];
  for (let step = 0; step < searchSteps; step += 1) {
    if (atLeft < atRight) {
      [low, left, atLeft] = [left, right, atRight];
      right = low + (high - low) * goldenShare;
      atRight = totalAt(right);
    } else {
      [high, right, atRight] = [right, left, atLeft];
      left = high - (high - low) * goldenShare;
      atLeft = totalAt(left);
    }
  }
  const share = (low + high) / 2;
  const scale = scaleAt(share);
  return { ofCpu: ((1 - share) * scale) / cpuUnit, ofMemory: (share * scale) / memoryUnit };
}

export const worthOfPod = (
  worth: Worth,
  { cpuMillis, memoryBytes }: Pick<Demand, 'cpuMillis' | 'memoryBytes'>,
) => worth.ofCpu * cpuMillis + worth.ofMemory * memoryBytes;

/** What a place on a node is worth where nothing else is asked for. */
export function worthOfPlace(products: readonly Pick<Product, 'room' | 'usdPerHour'>[]): number {
  let worth = Infinity;
  for (const { usdPerHour, room } of products)
    if (room.pods > 0) worth = Math.min(worth, usdPerHour / room.pods);
  return worth === Infinity ? 0 : worth * worthOfPlaceShare;
}
