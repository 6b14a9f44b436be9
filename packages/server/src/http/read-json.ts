import type { Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
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

/**
 * The JSON value of a request's body, decoded in a turn of its own. Failures: those of {@link readBody} and
 * {@link parseJsonBody}. Validating and planning, which the caller does before it waits again, cost about as much as
 * the decoding: behind a dear body they are done in a later turn of the event loop.
 */
export async function readJson(
  exchange: Exchange,
  maxBytes: number,
  { budget, turns }: BodyIntake,
  known?: KnownMembers,
): Promise<Result<JsonValue>> {
  const body = await readBody(exchange, maxBytes, budget);
  if (!body.ok) return body;
  const endTurn = await turns.next(exchange.principal.keyId);
  try {
    const value = parseJsonBody(body.value.bytes, known);
    await turns.rest();
    return value;
  } finally {
    body.value.release();
    endTurn();
  }
}
