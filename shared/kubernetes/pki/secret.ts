import { inspect } from 'node:util';

const hidden = '[secret]';

/**
 * Text that must never be seen by accident: a private key, an encryption key. Whatever prints, logs or serialises it shows
 * a placeholder; only `reveal` gives it out, so that every place that does can be found by that word.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
