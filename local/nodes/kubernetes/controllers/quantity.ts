/** Powers by suffix, as [numerator, denominator]: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity. */
const suffixes: Readonly<Record<string, readonly [bigint, bigint]>> = {
  n: [1n, 10n ** 9n],
  u: [1n, 10n ** 6n],
  m: [1n, 1000n],
  '': [1n, 1n],
  k: [10n ** 3n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [1n << 10n, 1n],
  Mi: [1n << 20n, 1n],
  Gi: [1n << 30n, 1n],
  Ti: [1n << 40n, 1n],
  Pi: [1n << 50n, 1n],
  Ei: [1n << 60n, 1n],
};

const form = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/;

const scaledBy = (quantity: string | number, factor: bigint): number | undefined => {
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = form.exec(String(quantity).trim()) ?? [];
  if (sign === undefined || `${whole}${fraction}` === '') return undefined;
  const power = Number(exponent ?? 0);
  const [up, down] = suffixes[suffix] ?? [1n, 1n];
  const numerator = BigInt(`${whole}${fraction}`) * up * factor * (power > 0 ? 10n ** BigInt(power) : 1n);
  const denominator = 10n ** BigInt(fraction.length) * down * (power < 0 ? 10n ** BigInt(-power) : 1n);
  const rounded = (numerator + denominator - 1n) / denominator;
  return Number(sign === '-' ? -rounded : rounded);
};

/** Bytes, pods: whole units, rounded up. Undefined when it is not a quantity. */
export const wholeUnits = (quantity: string | number): number | undefined => scaledBy(quantity, 1n);

/** Thousandths of the unit, rounded up: `0.1` and `100m` are 100 of a core. Undefined when it is not a quantity. */
export const thousandths = (quantity: string | number): number | undefined => scaledBy(quantity, 1000n);
