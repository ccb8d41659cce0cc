import type { Operation } from '../domain/operation.ts';
import type { Attributes } from './table.ts';

/** The state machine that owns the item is this one; its value is `me`. */
export const mine = '#operation.#executionArn = :me';

/** Nobody's, mine, or one whose execution is proven dead. */
export const ownable = (provenDead: string | undefined): string =>
  `(attribute_not_exists(#operation) OR ${mine}${provenDead === undefined ? '' : ' OR #operation.#executionArn = :dead'})`;

export const ownableValues = (operation: Operation, provenDead: string | undefined): Attributes => ({
  me: operation.executionArn,
  ...(provenDead !== undefined && { dead: provenDead }),
});
