/** One route of an HTTP API: `POST /v1/clusters/{id}`, `ANY /v1/{proxy+}`, `$default`. */
export interface Route<T> {
  readonly key: string;
  readonly target: T;
}

export interface RouteMatch<T> {
  readonly route: Route<T>;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Parsed<T> {
  readonly route: Route<T>;
  readonly method: string;
  readonly segments: readonly string[];
}

const parse = <T>(route: Route<T>): Parsed<T> => {
  if (route.key === '$default') return { route, method: 'ANY', segments: ['{$default+}'] };
  const [, method = '', path = ''] = /^([A-Z]+) (\/.*)$/.exec(route.key) ?? [];
  if (path === '') throw new Error(`route key ${route.key} is not METHOD /path`);
  const segments = split(path);
  const greedy = segments.findIndex(isGreedy);
  if (greedy !== -1 && greedy !== segments.length - 1)
    throw new Error(`route key ${route.key}: {name+} must be the last part`);
  return { route, method, segments };
};

const split = (path: string): string[] => path.replace(/^\//, '').split('/');
const isGreedy = (segment: string): boolean => segment.startsWith('{') && segment.endsWith('+}');
const isVariable = (segment: string): boolean => segment.startsWith('{') && segment.endsWith('}');

/** Per part: as written, then any one, then any rest; `$default` only when nothing else fits. */
const rank = (segment: string | undefined): number => {
  if (segment === undefined || segment === '{$default+}') return 3;
  return isGreedy(segment) ? 2 : isVariable(segment) ? 1 : 0;
};

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

function match<T>(
  { route, method, segments }: Parsed<T>,
  given: string,
  parts: readonly string[],
): RouteMatch<T> | undefined {
  if (method !== 'ANY' && method !== given) return undefined;
  const pathParameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (segment === '{$default+}') return { route, pathParameters };
    const part = parts[index];
    if (part === undefined) return undefined;
    if (isGreedy(segment)) {
      const rest = parts.slice(index).map(decoded).join('/');
      if (rest === '') return undefined;
      return { route, pathParameters: { ...pathParameters, [segment.slice(1, -2)]: rest } };
    }
    if (isVariable(segment)) {
      if (part === '') return undefined;
      pathParameters[segment.slice(1, -1)] = decoded(part);
    } else if (segment !== part) return undefined;
  }
  return segments.length === parts.length ? { route, pathParameters } : undefined;
}

/** @returns a function that finds the most specific route, as API Gateway does */
export function createRouter<T>(
  routes: readonly Route<T>[],
): (method: string, path: string) => RouteMatch<T> | undefined {
  const parsed = routes.map(parse).sort((one, other) => {
    const length = Math.max(one.segments.length, other.segments.length);
    for (let index = 0; index < length; index += 1) {
      const difference = rank(one.segments[index]) - rank(other.segments[index]);
      if (difference !== 0) return difference;
    }
    return Number(one.method === 'ANY') - Number(other.method === 'ANY');
  });
  return (method, path) => {
    const parts = split(path);
    for (const each of parsed) {
      const found = match(each, method, parts);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}
