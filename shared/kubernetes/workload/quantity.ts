/** Kubernetes' suffixes: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity. */
const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const form = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/;

/** Binary fractions are not exact: `0.1` cores are 100 m, and not 100.00000000000001. */
function upwards(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) <= Math.abs(value) * 1e-12 ? nearest : Math.ceil(value);
}

function parse(quantity: string | number): number {
  const [, number, exponent = '', suffix = ''] = form.exec(String(quantity)) ?? [];
  return number === undefined
    ? Number.NaN
    : Number(`${number}${exponent}`) * (suffixes[suffix] ?? Number.NaN);
}

/** Bytes and pods: whole units, rounded up as Kubernetes rounds them. NaN for what is no quantity. */
export const wholeUnits = (quantity: string | number): number => upwards(parse(quantity));

/** Thousandths: `0.1` and `100m` are 100. Rounded up; NaN for what is no quantity. */
export const thousandths = (quantity: string | number): number => upwards(parse(quantity) * 1000);
