/* When a request is worth another try, and how long to wait before it. OpenAI's clients and servers share these rules. */

/** Longer waits than this are the caller's: a promise that is open for minutes helps nobody. */
export const longestWaitMs = 60_000;

/** Whether the same request can have another answer. `x-should-retry` decides where the server sends it. */
export function isWorthRetry(status: number, headers: Headers | undefined): boolean {
  const told = headers?.get('x-should-retry');
  if (told === 'true' || told === 'false') return told === 'true';
  return [408, 409, 429].includes(status) || status >= 500;
}

/**
 * Milliseconds to wait before try `attempt` (1 for the first retry): what `retry-after-ms` or `Retry-After` says, else 0.5 s × 2ⁿ up to
 * 8 s, less a random quarter. Undefined where the server asks for more than a minute.
 */
export function retryDelayMs(attempt: number, headers?: Headers): number | undefined {
  const asked = askedDelayMs(headers);
  if (asked === undefined) return Math.min(500 * 2 ** (attempt - 1), 8_000) * (1 - Math.random() / 4);
  return asked <= longestWaitMs ? asked : undefined;
}

function askedDelayMs(headers: Headers | undefined): number | undefined {
  const milliseconds = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (milliseconds >= 0) return milliseconds;
  const after = headers?.get('retry-after');
  if (!after) return undefined;
  const seconds = Number(after);
  const delay = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  return Number.isNaN(delay) ? undefined : Math.max(0, delay);
}

/** Rejects with the signal's reason where it is aborted before. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
}
