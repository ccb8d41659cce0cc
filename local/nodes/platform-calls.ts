export interface Answer {
  /** 0: nobody answered. */
  readonly status: number;
  readonly body: unknown;
}

const callSecondsMax = 30;

/** One call of the node protocol. What fails on the way is status 0. @throws only when the machine's power goes. */
export async function post(url: string, bearer: string, body: unknown, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(callSecondsMax * 1000)]),
    });
    const text = await response.text();
    try {
      return { status: response.status, body: JSON.parse(text) as unknown };
    } catch {
      return { status: response.status === 200 ? 502 : response.status, body: text.slice(0, 200) };
    }
  } catch (error) {
    if (signal.aborted) throw error;
    // The platform is not there: an agent goes on asking for as long as its machine lives.
    return { status: 0, body: error instanceof Error ? error.message : String(error) };
  }
}
