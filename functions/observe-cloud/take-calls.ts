import type { CloudName } from '../../shared/domain/cloud.ts';
import {
  budgetScope,
  callsPerLook,
  type LookSize,
  pauseCalls,
  pauseSecondsUsual,
  takeCalls,
  type Taken,
} from '../../shared/planning/call-budget.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Store } from '../../shared/runtime/table.ts';

interface Parts {
  readonly cloud: CloudName;
  readonly store: Pick<Store, 'callBudgets'>;
  readonly clock: Clock;
}
interface Place {
  readonly accountId: string;
  readonly region: string;
}

/** Each collision is another's look getting through; an account has a few observers at once. */
const triesMax = 8;
const busySeconds = 5;

/** One write for a whole look. Where everybody takes at once, the last waits a little. */
export async function takeLook({ cloud, store, clock }: Parts, place: Place, size: LookSize): Promise<Taken> {
  const key = { cloud, accountId: place.accountId, scope: budgetScope(cloud, place.region) };
  for (let tries = 0; tries < triesMax; tries += 1) {
    const known = await store.callBudgets.get(key);
    const taken = takeCalls({ cloud, calls: callsPerLook(cloud, size), known, now: clock.now() });
    if (!taken.isGranted || (await store.callBudgets.replace(key, taken.budget))) return taken;
  }
  return { isGranted: false, afterSeconds: busySeconds };
}

/**
 * The cloud has had enough: every look in this account waits. Somebody else's word that comes first is as good.
 *
 * @returns for how many seconds.
 */
export async function pauseLooks(
  { cloud, store, clock }: Parts,
  place: Place,
  retryAfterSeconds = pauseSecondsUsual,
): Promise<number> {
  const key = { cloud, accountId: place.accountId, scope: budgetScope(cloud, place.region) };
  const known = await store.callBudgets.get(key);
  await store.callBudgets.replace(key, pauseCalls({ cloud, known, retryAfterSeconds, now: clock.now() }));
  return Math.ceil(retryAfterSeconds);
}
