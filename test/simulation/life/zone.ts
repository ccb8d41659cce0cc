import {
  recordWeight,
  ttlSeconds,
  type CheckTarget,
  type HostedZone,
  type RecordChange,
  type SeenCheck,
  type SeenDns,
  type SeenRecord,
} from '../../../shared/domain/dns.ts';

export const simulatedZone: HostedZone = { id: 'Z0SIMULATED', name: 'simulated.test' };

/** Somebody else's, which nobody may touch. */
const strangers: SeenDns = {
  records: [
    {
      name: `mail.${simulatedZone.name}`,
      type: 'A',
      routing: 'simple',
      values: ['192.0.2.1'],
      ttlSeconds: 300,
      raw: 'theirs',
    },
  ],
  checks: [{ id: 'check-0', callerReference: 'theirs', isAsSet: false }],
};

/** Route 53 as the simulation has it: one zone and the account's health checks, each call in an instant. */
export class SimulatedZone {
  #records: readonly SeenRecord[] = strangers.records;
  #checks: readonly SeenCheck[] = strangers.checks;
  readonly #spent = new Map<string, CheckTarget>();
  #made = 0;

  look(): SeenDns {
    return { records: this.#records, checks: this.#checks };
  }

  createCheck(target: CheckTarget, callerReference: string): 'created' | 'spent' {
    const known = this.#spent.get(callerReference);
    if (known === undefined) {
      this.#made += 1;
      this.#spent.set(callerReference, target);
      const id = `check-${String(this.#made).padStart(5, '0')}`;
      this.#checks = [...this.#checks, { id, callerReference, target, isAsSet: true }];
      return 'created';
    }
    const isThere = this.#checks.some((check) => check.callerReference === callerReference);
    return isThere && known.address === target.address && known.port === target.port ? 'created' : 'spent';
  }

  removeCheck(id: string): void {
    this.#checks = this.#checks.filter((check) => check.id !== id);
  }

  change(changes: readonly RecordChange[]): 'changed' | { readonly objection: string } {
    let records = this.#records;
    for (const change of changes) {
      const { name, setIdentifier = '' } = change.record;
      const isIt = (one: SeenRecord): boolean => one.name === name && one.setIdentifier === setIdentifier;
      const there = records.find(isIt);
      if (change.action === 'create' && there !== undefined)
        return { objection: `${name} ${setIdentifier} already exists` };
      if (change.action === 'delete') {
        if (there !== change.record) return { objection: `${name} ${setIdentifier} is not as it was` };
        records = records.filter((one) => one !== there);
        continue;
      }
      const { healthCheckId } = change;
      if (healthCheckId !== undefined && !this.#checks.some(({ id }) => id === healthCheckId))
        return { objection: `there is no health check ${healthCheckId}` };
      records = [...records.filter((one) => !isIt(one)), written(change)];
    }
    this.#records = records;
    return 'changed';
  }

  /** A person with the console: one of the records or checks that are not theirs is deleted, or leads elsewhere. */
  tamper(chosen: number): string {
    const records = this.#records.filter((record) => !strangers.records.includes(record));
    const checks = this.#checks.filter((check) => !strangers.checks.includes(check));
    const record = records[chosen % Math.max(1, records.length)];
    const check = checks[chosen % Math.max(1, checks.length)];
    if (chosen % 3 === 0 && check !== undefined) {
      this.removeCheck(check.id);
      return `health check ${check.id} is deleted`;
    }
    if (record === undefined) return 'there is nothing';
    const others = this.#records.filter((one) => one !== record);
    this.#records =
      chosen % 3 === 1 ? others : [...others, { ...record, values: ['192.0.2.66'], raw: undefined }];
    return `${record.name} ${record.setIdentifier ?? ''} is ${chosen % 3 === 1 ? 'deleted' : 'changed'}`;
  }

  /** What is somebody else's and no longer as it was. */
  touched(): string | undefined {
    const isKept =
      strangers.records.every((record) => this.#records.includes(record)) &&
      strangers.checks.every((check) => this.#checks.includes(check));
    return isKept ? undefined : 'somebody else’s record or health check';
  }
}

const written = ({
  record,
  healthCheckId,
}: Exclude<RecordChange, { readonly action: 'delete' }>): SeenRecord => ({
  name: record.name,
  type: 'A',
  setIdentifier: record.setIdentifier,
  routing: record.routing,
  ...(record.routing === 'weighted' && { weight: recordWeight }),
  ...('alias' in record.target
    ? {
        values: [],
        alias: { name: record.target.alias, zoneId: record.target.zoneId, evaluatesHealth: true },
      }
    : { values: record.target.addresses, ttlSeconds }),
  ...(healthCheckId !== undefined && { healthCheckId }),
  raw: undefined,
});
