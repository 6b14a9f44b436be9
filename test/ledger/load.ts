import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';

/** What a client has seen of one request. */
export interface Seen {
  readonly key: string;
  readonly stream: boolean;
  /** Undefined where no connection stood. */
  readonly status: number | undefined;
  /** The code of an error, before the answer or within the stream. */
  readonly code: string | undefined;
  /** Of the completion; undefined where nothing of it was seen. */
  readonly id: string | undefined;
  /** Whether all of the answer came: `[DONE]`, or the whole JSON body. */
  readonly whole: boolean;
  /** By the clock of `performance.now()`: the request, the first output, and the last byte. */
  readonly begunMs: number;
  readonly firstOutputMs: number | undefined;
  readonly lastByteMs: number;
  /** The longest pause between two reads of a stream, in milliseconds. */
  readonly longestGapMs: number;
  /** Between the request and the head of the answer. */
  readonly headMs: number;
  /** The client has left before the end. */
  readonly left: boolean;
}

export interface Asked {
  readonly baseUrl: string;
  readonly key: string;
  readonly model: string;
  readonly stream: boolean;
  /** The client closes the connection after this time, or when this is aborted. */
  readonly leavesAfterMs?: number;
  readonly leaving?: AbortSignal;
  readonly content?: string;
}

/** One request, read to its end or to the end of its connection. Never rejects. */
export async function askOnce(asked: Asked): Promise<Seen> {
  const { baseUrl, key, model, stream, leavesAfterMs } = asked;
  const abort = new AbortController();
  const leave = (): void => abort.abort();
  const timer = leavesAfterMs === undefined ? undefined : setTimeout(leave, leavesAfterMs);
  asked.leaving?.addEventListener('abort', leave);
  const begunMs = performance.now();
  let status: number | undefined;
  let headMs = 0;
  let text = '';
  let firstOutputMs: number | undefined;
  let lastByteMs = begunMs;
  let longestGapMs = 0;
  let ended = false;
  try {
    const response = await fetch(`${baseUrl}/v1/chat/completions`, {
      method: 'POST',
      signal: abort.signal,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        stream,
        messages: [{ role: 'user', content: asked.content ?? 'Say something.' }],
      }),
    });
    status = response.status;
    headMs = performance.now() - begunMs;
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const nowMs = performance.now();
      if (text !== '') longestGapMs = Math.max(longestGapMs, nowMs - lastByteMs);
      lastByteMs = nowMs;
      text += decoder.decode(bytes as Uint8Array, { stream: true });
      if (firstOutputMs === undefined && /"content":"[^"]/.test(text)) firstOutputMs = nowMs;
    }
    ended = true;
  } catch {
    // The server was killed, or the client has left.
  } finally {
    clearTimeout(timer);
  }
  return {
    key,
    stream,
    status,
    code: /"code":"([a-z_]+)"/.exec(text)?.[1],
    id: /"id":"(chatcmpl-[^"]+)"/.exec(text)?.[1],
    whole: ended && status === 200 && (!stream || text.endsWith('data: [DONE]\n\n')),
    begunMs,
    firstOutputMs,
    lastByteMs,
    longestGapMs,
    headMs,
    left: abort.signal.aborted,
  };
}

export interface LoadOptions {
  readonly clients: number;
  readonly seed: number;
  /** The server that the next request goes to; undefined while there is none. */
  baseUrl(): string | undefined;
  /** Makes one request out of a random number in 0 ≤ x < 1. */
  make(random: () => number): Omit<Asked, 'baseUrl'>;
}

export interface Load {
  /** The requests that have ended. */
  readonly seen: readonly Seen[];
  /** Begins no more requests; resolves when those that run have ended. */
  stop(): Promise<void>;
}

/** Clients that ask again and again, also while there is no server. */
export function startLoad({ clients, seed, baseUrl, make }: LoadOptions): Load {
  const seen: Seen[] = [];
  let stopped = false;
  const random = seededRandom(seed);
  async function client(): Promise<void> {
    while (!stopped) {
      const url = baseUrl();
      if (url === undefined) {
        await delay(10);
        continue;
      }
      const one = await askOnce({ baseUrl: url, ...make(random) });
      seen.push(one);
      if (one.status !== 200) await delay(10);
    }
  }
  const running = Array.from({ length: clients }, client);
  return {
    seen,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
