import { setImmediate as laterTurn } from 'node:timers/promises';
import type { Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { parseJsonBody } from '../wire/json-body.ts';
import type { BodyBudget } from './body-budget.ts';
import type { BodyTurns } from './body-turns.ts';
import type { Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

/** What the bodies of all requests share. */
export interface BodyIntake {
  readonly budget: BodyBudget;
  readonly turns: BodyTurns;
}

/** Below this a body is decoded in a few milliseconds, whatever it is made of, and waits for no turn. */
const smallBytes = 64 * 1024;

/**
 * The JSON value of a request's body. Failures: those of {@link readBody} and {@link parseJsonBody}. A large body
 * is decoded in a turn of its own, and what the caller does with it before it waits is done in the turn behind.
 */
export async function readJson(
  exchange: Exchange,
  maxBytes: number,
  { budget, turns }: BodyIntake,
): Promise<Result<JsonValue>> {
  const body = await readBody(exchange, maxBytes, budget);
  if (!body.ok) return body;
  const { bytes, release } = body.value;
  if (bytes.length <= smallBytes) {
    release();
    return parseJsonBody(bytes);
  }
  const endTurn = await turns.next(exchange.principal.keyId);
  try {
    const value = parseJsonBody(bytes);
    // Validating and planning cost about as much again: what waits meanwhile waits for one of both.
    await laterTurn();
    return value;
  } finally {
    release();
    endTurn();
  }
}
