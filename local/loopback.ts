/** What of a request's head says who made it; names in lower case. */
export type RequestHead = Readonly<Record<string, string | readonly string[] | undefined>>;

const isLoopback = (host: string): boolean => /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i.test(host);

/**
 * Listening on loopback keeps other machines out, but not the browser on this one: any web page may send requests here,
 * and one whose name is made to lead to 127.0.0.1 may even read the answers. Neither can lie about Host and Origin.
 *
 * @returns why the request is refused; undefined when it may be answered.
 */
export function objectionTo(head: RequestHead): string | undefined {
  const { host, origin } = head;
  if (typeof host !== 'string' || !isLoopback(host))
    return 'Host: only 127.0.0.1 and localhost are answered here';
  if (origin === undefined) return undefined;
  const [, from] = /^https?:\/\/(.+)$/.exec(String(origin)) ?? [];
  return from !== undefined && isLoopback(from) ? undefined : 'Origin: no web page may call this';
}
