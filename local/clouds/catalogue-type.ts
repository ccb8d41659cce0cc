/** What a size of machine is: enough to refuse unknown ones, to count quotas, to boot, and to be paid for. */
export interface SimulatedType {
  readonly name: string;
  /** What its cloud prices alike: `c6i`, `n2`, `Dsv5`, `s`. Prices are moved by it. */
  readonly family: string;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly architecture: Architecture;
  readonly spot: boolean;
  /** Its vCPUs are shares of one, or run on credits. */
  readonly burstable: boolean;
  /** US dollars per hour for the whole machine, Linux, list price. */
  readonly usdPerHour: number;
  /** The spot price; absent where the size cannot be had as spot. */
  readonly usdPerHourSpot?: number;
  /** Of Google Cloud's shared-core types: for how much of a core they are billed, whatever they show. */
  readonly billedCores?: number;
}

export type Architecture = 'amd64' | 'arm64';

/** The vCPUs that most families come with. */
export const powers = [2, 4, 8, 16, 32];
export const most = [...powers, 48, 64];

/** US dollars to a millionth. */
export const roundPrice = (usd: number): number => Math.round(usd * 1e6) / 1e6;
