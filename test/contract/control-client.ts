import type { PriceChange } from '../../local/clouds/prices.ts';
import type {
  DamageKind,
  Fault,
  MachineState,
  ResourceRow,
  ServedFront,
  SimulatedCloud,
  WorldMachine,
  WorldSettings,
} from '../../local/clouds/world.ts';

export type { DamageKind, ResourceRow } from '../../local/clouds/world.ts';

export type AskedFault = Pick<Fault, 'effect'> & Partial<Omit<Fault, 'id' | 'cloud'>>;
export type SeenBalancer = Pick<
  ServedFront,
  'id' | 'name' | 'networkId' | 'address' | 'isOpen' | 'listeners' | 'healthCheck' | 'members'
>;
export type SeenMachine = Pick<WorldMachine, 'id' | 'name' | 'networkId'> & { readonly state: MachineState };

/** Fate's hand over one cloud. */
export interface ControlClient {
  /** Load balancers, whosever they are. */
  balancers(): Promise<readonly SeenBalancer[]>;
  resources(): Promise<readonly ResourceRow[]>;
  machines(): Promise<readonly SeenMachine[]>;
  /** How often each operation reached this cloud. */
  calls(): Promise<Readonly<Record<string, number>>>;
  settings(): Promise<{ readonly timeScale: number }>;
  change(settings: Partial<WorldSettings>): Promise<void>;
  /** Strikes once, and every operation, unless it says otherwise. */
  addFault(fault: AskedFault): Promise<void>;
  clearFaults(): Promise<void>;
  addStranger(where: {
    readonly networkId: string;
    readonly name: string;
  }): Promise<{ readonly id: string; readonly name: string }>;
  /** What a person does in the console; the answer names what was struck or made. Kinds: local/clouds/control.ts. */
  damage(
    kind: DamageKind,
    at: { readonly networkId: string } | { readonly machineId: string },
  ): Promise<{ readonly id: string }>;
  strike(machineId: string, verb: 'kill' | 'stop' | 'interrupt' | 'rebalance'): Promise<void>;
  movePrice(change: Omit<PriceChange, 'cloud'>): Promise<void>;
}

/** The control endpoint of a simulator (local/clouds/control.ts), or undefined where there is none. */
export async function controlAt(endpoint: string, cloud: SimulatedCloud): Promise<ControlClient | undefined> {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${endpoint}/_control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /_control/${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const found = await ask('GET', 'settings').then(
    (settings) => typeof settings === 'object' && settings !== null && 'timeScale' in settings,
    () => false,
  );
  if (!found) return undefined;
  return {
    resources: async () =>
      ((await ask('GET', 'resources')) as ResourceRow[]).filter((r) => r.cloud === cloud),
    balancers: async () =>
      ((await ask('GET', 'balancers')) as ServedFront[]).filter((front) => front.cloud === cloud),
    machines: async () =>
      ((await ask('GET', 'machines')) as (SeenMachine & { cloud: string })[]).filter(
        (m) => m.cloud === cloud && m.state !== 'gone',
      ),
    calls: async () =>
      Object.fromEntries(
        Object.entries((await ask('GET', 'calls')) as Record<string, number>).filter(([key]) =>
          key.startsWith(`${cloud}/`),
        ),
      ),
    settings: async () => (await ask('GET', 'settings')) as { timeScale: number },
    change: async (settings) => {
      await ask('PUT', 'settings', settings);
    },
    addFault: async (fault) => {
      await ask('POST', 'faults', { cloud, ...fault });
    },
    clearFaults: async () => {
      await ask('DELETE', 'faults');
    },
    addStranger: async (where) =>
      (await ask('POST', 'strangers', { cloud, ...where })) as { id: string; name: string },
    damage: async (kind, at) => (await ask('POST', 'damage', { cloud, kind, ...at })) as { id: string },
    strike: async (machineId, verb) => {
      await ask('POST', `machines/${cloud}/${encodeURIComponent(machineId)}/${verb}`);
    },
    movePrice: async (change) => {
      await ask('POST', 'prices', { cloud, ...change });
    },
  };
}
