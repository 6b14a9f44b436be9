import {
  connectToRedis,
  type RedisConnection,
  readTexts,
  type Script,
} from '../../redis/redis-connection.ts';
import type {
  HeldPlaces,
  LimitAsk,
  LimitDecision,
  Limiter,
  LimitLease,
  LimitScope,
  ScopeLevels,
  Windows,
} from '../contract.ts';
import { minuteMs, windowsOf } from '../rate-level.ts';
import { beatScript, lookScript, restoreScript, settleScript, takeScript } from './scripts.ts';

export interface RedisLimiterOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** Called with each error of the connection; a call that it makes fail rejects besides. */
  readonly onError?: (error: Error) => void;
  /** The time for which the limits are given; another one than a minute only in tests. */
  readonly windowMs?: number;
}

/** Every key begins with it. */
const prefix = 'tailrace:limits:';
const processesKey = `${prefix}processes`;
const pingKey = `${prefix}ping`;

/** After a lost connection. Less than the second after which the guard asks again. */
const reconnectMs = 500;
/** Scopes that one script restores: it keeps Redis about a millisecond. */
const restoredAtOnce = 200;

/**
 * A limiter for all replicas that share one Redis (from version 5) or Valkey. It connects by itself, now and after each loss;
 * while there is no connection every call rejects at once. Resolves when the first connection is ready for decisions, or has
 * failed; never rejects. `close` ends the connection.
 */
export async function openRedisLimiter(options: RedisLimiterOptions): Promise<Limiter> {
  const limiter = new RedisLimiter(options);
  await limiter.connection.tried();
  return limiter;
}

class RedisLimiter implements Limiter {
  readonly connection: RedisConnection;
  private readonly windowMs: number;

  constructor({ url, onError = () => {}, windowMs = minuteMs }: RedisLimiterOptions) {
    this.windowMs = windowMs;
    this.connection = connectToRedis({
      url,
      // The guard has 40 ms for a decision: a script that is missing would take two round trips.
      scripts: [takeScript, settleScript, lookScript, beatScript],
      reconnectMs: () => reconnectMs,
      onError,
    });
  }

  async take(ask: LimitAsk): Promise<LimitDecision> {
    const { processId, scopes, promptTokens, completionTokens } = ask;
    const answer = await this.run(
      takeScript,
      scopes.map(({ scope }) => scope),
      [processId, promptTokens, completionTokens, ...scopes.flatMap(limitsOf)],
    );
    const [allowed, first, second, third, ...rest] = readTexts(answer);
    const figures = levelsIn(rest);
    const windows = windowsOf(scopes, figures.slice(0, scopes.length), this.windowMs);
    if (allowed === '1') {
      const lease: LimitLease = {
        processId,
        scopes,
        reservedTokens: Number(first),
        takenAtMs: Number(second),
        marks: figures.slice(scopes.length),
      };
      return { type: 'allowed', lease, windows };
    }
    const scope = scopes[Number(second) - 1];
    if (scope === undefined || (first !== 'requests' && first !== 'tokens' && first !== 'streams')) {
      throw new Error('the script has answered something else');
    }
    return { type: 'refused', limit: first, scope: scope.scope, retryAfterMs: Number(third), windows };
  }

  async settle(lease: LimitLease, usedTokens: number | 'not-run'): Promise<void> {
    const { processId, scopes, reservedTokens, takenAtMs, marks } = lease;
    const [used, returned] = usedTokens === 'not-run' ? [0, 1] : [usedTokens, 0];
    const own = scopes.flatMap((scope, index) => {
      const { requests, tokens } = marks[index] ?? { requests: 0, tokens: 0 };
      return [...limitsOf(scope), requests, tokens];
    });
    await this.run(
      settleScript,
      scopes.map(({ scope }) => scope),
      [processId, takenAtMs, reservedTokens, used, returned, ...own],
    );
  }

  async look(scopes: readonly LimitScope[]): Promise<Windows> {
    const answer = await this.run(
      lookScript,
      scopes.map(({ scope }) => scope),
      scopes.flatMap(limitsOf),
    );
    return windowsOf(scopes, levelsIn(readTexts(answer)), this.windowMs);
  }

  async beat(processId: string): Promise<void> {
    await this.connection.evaluate(beatScript, [processesKey, pingKey], [this.windowMs, processId]);
  }

  async leave(processId: string): Promise<void> {
    await this.connection.client.zrem(processesKey, processId);
  }

  async restore(held: readonly HeldPlaces[]): Promise<void> {
    // The empty beat is a write: a server that only reads, or is full, refuses it.
    const sent: Promise<unknown>[] = [this.beat('')];
    for (let from = 0; from < held.length; from += restoredAtOnce) {
      const part = held.slice(from, from + restoredAtOnce);
      const entries = part.flatMap(({ processId, scope, streams, owedTokens }) => [
        ...limitsOf(scope),
        processId,
        streams,
        owedTokens,
      ]);
      // By its text: a script that the server does not know would be carried out only after the calls that follow.
      const keys = keysOf(part.map(({ scope }) => scope.scope));
      sent.push(this.connection.evaluateText(restoreScript, keys, [this.windowMs, ...entries]));
    }
    await Promise.all(sent);
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private run(
    script: Script,
    scopes: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.connection.evaluate(script, keysOf(scopes), [this.windowMs, ...args]);
  }
}

function keysOf(scopes: readonly string[]): readonly string[] {
  return [
    processesKey,
    ...scopes.flatMap((scope) => [`${prefix}rate:${scope}`, `${prefix}streams:${scope}`]),
  ];
}

function limitsOf({ requestsPerMinute = -1, tokensPerMinute = -1, maxStreams = -1 }: LimitScope): number[] {
  return [requestsPerMinute, tokensPerMinute, maxStreams];
}

/** Pairs of figures: requests, tokens. */
function levelsIn(texts: readonly string[]): readonly ScopeLevels[] {
  const levels: ScopeLevels[] = [];
  for (let index = 0; index + 1 < texts.length; index += 2) {
    levels.push({ requests: Number(texts[index]), tokens: Number(texts[index + 1]) });
  }
  return levels;
}
