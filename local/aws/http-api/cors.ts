import type { WireRequest, WireResponse } from '../wire.ts';

export interface CorsSettings {
  readonly AllowOrigins?: readonly string[] | undefined;
  readonly AllowMethods?: readonly string[] | undefined;
  readonly AllowHeaders?: readonly string[] | undefined;
  readonly ExposeHeaders?: readonly string[] | undefined;
  readonly AllowCredentials?: boolean | undefined;
  readonly MaxAge?: number | undefined;
}

const allowedOrigin = (
  origin: string | undefined,
  { AllowOrigins = [] }: CorsSettings,
): string | undefined => {
  if (origin === undefined) return undefined;
  if (AllowOrigins.includes('*')) return '*';
  const scheme = `${origin.split('://')[0]}://*`;
  return AllowOrigins.includes(origin) || AllowOrigins.includes(scheme) ? origin : undefined;
};

/** With CORS set, API Gateway answers preflights itself. */
export function preflight(request: WireRequest, settings: CorsSettings): WireResponse | undefined {
  const asks =
    request.headers['origin'] !== undefined && request.headers['access-control-request-method'] !== undefined;
  if (request.method !== 'OPTIONS' || !asks) return undefined;
  const allowed = allowedOrigin(request.headers['origin'], settings) !== undefined;
  return {
    status: 204,
    headers: allowed
      ? {
          ...(settings.AllowMethods === undefined
            ? {}
            : { 'access-control-allow-methods': settings.AllowMethods.join(',') }),
          ...(settings.AllowHeaders === undefined
            ? {}
            : { 'access-control-allow-headers': settings.AllowHeaders.join(',') }),
          ...(settings.MaxAge === undefined ? {} : { 'access-control-max-age': String(settings.MaxAge) }),
        }
      : {},
    body: '',
  };
}

export function corsHeaders(request: WireRequest, settings: CorsSettings): Record<string, string> {
  const origin = allowedOrigin(request.headers['origin'], settings);
  if (origin === undefined) return {};
  return {
    'access-control-allow-origin': origin,
    ...(origin === '*' ? {} : { vary: 'Origin' }),
    ...(settings.AllowCredentials === true ? { 'access-control-allow-credentials': 'true' } : {}),
    ...(settings.ExposeHeaders === undefined
      ? {}
      : { 'access-control-expose-headers': settings.ExposeHeaders.join(',') }),
  };
}
