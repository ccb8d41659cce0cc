/** Every session secret of a simulated machine begins so: then one can be told from the hashes that may be seen. */
export const sessionSecretPrefix = '5ec7e75ec7e7';

const token = /v1\.\d+\.\d{10}\.[\w-]{43}/;

/** The secret that a text shows, cut short; undefined: none. */
export function secretIn(text: string): string | undefined {
  if (text.includes(sessionSecretPrefix)) return 'a session secret';
  if (text.includes('v1.') && token.test(text)) return 'a bootstrap token';
  return undefined;
}
