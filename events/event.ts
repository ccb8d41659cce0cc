import type * as z from 'zod/mini';

/**
 * Something that happened, as the bus carries it: name and schema live in one file, imported by the rule that routes
 * it and by the handler that takes it. Events carry ids, never authority: state is written before its event.
 */
export interface EventDefinition<Name extends string, Schema extends z.ZodMiniType> {
  /** The detail-type on the bus. */
  readonly name: Name;
  /** Who may say it: `overcast.<part>`; a function's right to PutEvents is limited to its sources and names. */
  readonly sources: readonly `overcast.${string}`[];
  readonly schema: Schema;
  readonly example: z.infer<Schema>;
}

export const defineEvent = <Name extends string, Schema extends z.ZodMiniType>(
  definition: EventDefinition<Name, Schema>,
): EventDefinition<Name, Schema> => definition;

/** What an event's detail holds. */
export type Detail<E> = E extends EventDefinition<string, infer S> ? z.infer<S> : never;
