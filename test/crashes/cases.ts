import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Outcome } from './case.ts';
import { runPlatformCase, Uncut } from './platform/cases.ts';
import { phases } from './platform/cuts.ts';
import { methods, WireCases } from './wire/cases.ts';

/** Requests of a driver wait for its SDK's pauses: others use the time. */
const wireAtOnce = 4;

/** What was recorded, in people's words: how many calls of what. */
export interface Recorded {
  readonly what: string;
  readonly calls: number;
}

/** Both levels: the platform's own calls in its simulation, and the drivers' requests on the wire. */
export class Cases {
  #uncut: Promise<Uncut> | undefined;
  readonly #wire = new Map<CloudName, WireCases>();

  platform(): Promise<Uncut> {
    this.#uncut ??= Uncut.record();
    return this.#uncut;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#wire.values()].map((cases) => cases.close()));
  }

  /** Records everything once, without any cut. */
  async record(): Promise<{
    readonly recorded: readonly Recorded[];
    readonly platform: readonly string[];
    readonly wire: readonly string[];
  }> {
    const uncut = await this.platform();
    const wire = await Promise.all(
      cloudNames.map(async (cloud) => {
        const cases = this.#wireOf(cloud);
        const found: { readonly what: string; readonly calls: number; readonly ids: readonly string[] }[] =
          [];
        for (const method of methods) {
          const { length } = await cases.requests(method);
          found.push({ what: `${cloud} ${method}`, calls: length, ids: await cases.caseIds(method) });
        }
        return found;
      }),
    );
    return {
      recorded: [
        ...phases.map((phase) => ({ what: `platform ${phase}`, calls: uncut.calls[phase].length })),
        ...wire.flat().map(({ what, calls }) => ({ what, calls })),
      ],
      platform: uncut.caseIds(),
      wire: wire.flat().flatMap(({ ids }) => ids),
    };
  }

  /** Runs these cases; those on the wire several at once. */
  async run(ids: readonly string[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const wire = ids.filter(isWire);
    await Promise.all(
      Array.from({ length: wireAtOnce }, async () => {
        for (let id = wire.shift(); id !== undefined; id = wire.shift()) {
          const cloud = cloudNames.find((name) => id?.startsWith(`wire-${name}-`));
          if (cloud === undefined) throw new Error(`${id}: not a case`);
          outcomes.push(await this.#wireOf(cloud).run(id));
        }
      }),
    );
    for (const id of ids) if (!isWire(id)) outcomes.push(await runPlatformCase(await this.platform(), id));
    return outcomes;
  }

  #wireOf(cloud: CloudName): WireCases {
    let cases = this.#wire.get(cloud);
    if (cases === undefined) this.#wire.set(cloud, (cases = new WireCases(cloud)));
    return cases;
  }
}

const isWire = (id: string): boolean => id.startsWith('wire-');

/**
 * About so many of them, evenly spread. Where they begin moves with how many there are, so that over the project's changes
 * every call has its turn.
 */
export function sample<T>(all: readonly T[], count: number): readonly T[] {
  const stride = Math.max(1, Math.ceil(all.length / count));
  return all.filter((_, index) => index % stride === all.length % stride);
}

/** What `npm test` affords. */
export const boundedCases = { platform: 22, wire: 20 } as const;
