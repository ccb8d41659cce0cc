import { describe, expect, it } from 'vitest';
import { instanceTypes } from '../domain/catalogue.ts';
import { allocatableOf, formatReserved, reservedOf } from './allocatable.ts';

const mebibyte = 2 ** 20;
const mebibytes = (bytes: number): number => Math.floor(bytes / mebibyte);

describe('a node keeps for itself, and leaves to its pods', () => {
  // Kept: 6 % of the first vCPU, 1 % of the second, 0.5 % of two more, 0.25 % of the rest; 25 % of the first 4 GiB, 20 % of
  // the next 4, 10 % of the next 8, 6 % of the next 112, 2 % of the rest. Left: of 92.5 %, without that and 100 MiB.
  it.each([
    // vCPUs, GiB, kept, CPU left, MiB left
    [1, 0.5, 'cpu=60m,memory=255Mi', 940, 118],
    [1, 2, 'cpu=60m,memory=512Mi', 940, 1282],
    [2, 4, 'cpu=70m,memory=1024Mi', 1930, 2664],
    [4, 8, 'cpu=80m,memory=1844Mi', 3920, 5633],
    [2, 8, 'cpu=70m,memory=1844Mi', 1930, 5633],
    [8, 16, 'cpu=90m,memory=2663Mi', 7910, 12_392],
    [16, 32, 'cpu=110m,memory=3646Mi', 15_890, 26_564],
    [64, 256, 'cpu=230m,memory=12166Mi', 63_770, 230_217],
  ])('%d vCPUs, %d GiB', (vcpus, memoryGib, kept, cpuMillis, memoryMebibytes) => {
    const machine = { vcpus, memoryGib };
    const { memoryBytes, ...left } = allocatableOf(machine);
    expect(formatReserved(reservedOf(machine))).toBe(kept);
    expect({ ...left, memory: mebibytes(memoryBytes) }).toEqual({
      cpuMillis,
      memory: memoryMebibytes,
      pods: 110,
    });
  });

  it('is less than it has, for every type there is', () => {
    for (const type of instanceTypes) {
      const { cpuMillis, memoryBytes } = allocatableOf(type);
      expect(cpuMillis).toBeGreaterThan(0);
      expect(cpuMillis).toBeLessThan(type.vcpus * 1000);
      expect(memoryBytes).toBeGreaterThan(0);
      expect(memoryBytes).toBeLessThan(type.memoryGib * 2 ** 30);
    }
  });
});
