import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { functionSpecs } from '../infra/functions.ts';
import { redactText } from '../shared/runtime/redaction.ts';
import { allEvents } from './all.ts';
import type { EventDefinition } from './event.ts';

type AnyEvent = EventDefinition<string, z.ZodMiniType>;
const events: readonly AnyEvent[] = allEvents;

const kebab = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter, at: number) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`);
const files = readdirSync(import.meta.dirname).filter(
  (file) =>
    file.endsWith('.ts') &&
    !file.endsWith('.test.ts') &&
    // What an event is made of, and the list of all.
    !['event.ts', 'fields.ts', 'all.ts'].includes(file),
);

/** Who may say something without being one of the functions. */
const speakers: Readonly<Record<string, string>> = {
  'overcast.schedule': 'the schedule that ticks',
};

/** `drive-cloud-aws` speaks as `overcast.drive-cloud`. */
const sourceOf = (name: string): string =>
  `overcast.${name.replace(/^(drive-cloud|observe-cloud)-.*$/, '$1')}`;
const said = functionSpecs.flatMap(({ name, says = [] }) =>
  says.map((event) => ({ event: event as AnyEvent, source: sourceOf(name) })),
);
const builtSources = new Set(functionSpecs.map(({ name }) => sourceOf(name)));

describe('the events', () => {
  it('are all in all.ts', () => {
    expect(events.map(({ name }) => `${kebab(name)}.ts`).sort()).toEqual(files.sort());
  });

  it('have one name each', () => {
    expect(new Set(events.map(({ name }) => name)).size).toBe(events.length);
  });
});

describe.each(events.map((event) => [event.name, event] as const))('%s', (name, event) => {
  it('is named in PascalCase, and its file and its constant after it', () => {
    expect(name).toMatch(/^(?:[A-Z][a-z]+)+$/);
    const text = readFileSync(join(import.meta.dirname, `${kebab(name)}.ts`), 'utf8');
    const constant = name.charAt(0).toLowerCase() + name.slice(1);
    expect(text).toContain(`export const ${constant} = defineEvent({\n  name: '${name}',`);
    expect(text).toContain(`export type ${name} = Detail<typeof ${constant}>;`);
  });

  it('has an example that passes its schema as it is', () => {
    expect(z.parse(event.schema, event.example)).toEqual(event.example);
  });

  it('refuses a field that nobody knows', () => {
    expect(z.safeParse(event.schema, { ...(event.example as object), colour: 'red' }).success).toBe(false);
  });

  it('refuses an example from which a field is missing, unless that is optional', () => {
    const example = event.example as Readonly<Record<string, unknown>>;
    for (const field of Object.keys(example)) {
      const { [field]: _, ...rest } = example;
      expect([field, z.safeParse(event.schema, rest).success]).toEqual([field, false]);
    }
  });

  it('carries ids and reasons, never a secret, and fits into any queue', () => {
    const text = JSON.stringify(event.example);
    expect(redactText(text)).toBe(text);
    expect(text.length).toBeLessThan(4096);
  });

  it('is said by somebody there is', () => {
    expect(event.sources.length).toBeGreaterThan(0);
    const unknown = event.sources.filter((source) => !builtSources.has(source) && !(source in speakers));
    expect(unknown).toEqual([]);
  });

  it('is said by every built function that it names', () => {
    const silent = event.sources.filter(
      (source) =>
        builtSources.has(source) && !said.some((each) => each.event === event && each.source === source),
    );
    expect(silent).toEqual([]);
  });
});

describe('a function', () => {
  it.each(said.map(({ event, source }) => [source, event.name, event] as const))(
    '%s may say %s',
    (source, _name, event) => {
      expect(event.sources).toContain(source);
    },
  );
});
