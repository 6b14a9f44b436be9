import type { Hash } from 'node:crypto';
import { type Failure, failure, type Result } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { KnownMembers } from '../domain/read-spellings.ts';
import { parseJsonBodyInTurns } from '../wire/json-body.ts';
import type { BodyBudget, BodyShare } from './body-budget.ts';
import type { BodyTurns } from './body-turns.ts';
import type { Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

/** What all requests share while their bodies are received and decoded. */
export interface BodyIntake {
  /** The account of what requests hold, from the parse of their bodies to their end. */
  readonly held: BodyBudget;
  /** The account of bodies as bytes. */
  readonly budget: BodyBudget;
  readonly turns: BodyTurns;
}

/**
 * The JSON value of a request's body, decoded in a turn of its own. Failures: those of {@link readBody} and
 * {@link parseJsonBodyInTurns}; `overloaded`, or `body_too_large`, where `share` has no room for what the value takes. The
 * caller releases the share when the request has ended. Validating and planning, which the caller does next without
 * waiting, cost about as much as the decoding: after an expensive body they run in a later turn of the event loop. `hash` is
 * given all bytes of the body.
 */
export async function readJson(
  exchange: Exchange,
  maxBytes: number,
  { budget, turns }: Omit<BodyIntake, 'held'>,
  share: BodyShare,
  known?: KnownMembers,
  hash?: Hash,
): Promise<Result<JsonValue>> {
  const body = await readBody(exchange, maxBytes, budget);
  exchange.arrivedMs = performance.now();
  if (!body.ok) return body;
  const endTurn = await turns.next(exchange.principal.keyId);
  try {
    if (hash !== undefined) await updateInTurns(hash, body.value.bytes, turns);
    const reserve = (heldBytes: number) => reserveIn(share, heldBytes);
    const value = await parseJsonBodyInTurns(body.value.bytes, known, reserve, turns.pause);
    await turns.pause();
    return value;
  } finally {
    body.value.share.release();
    endTurn();
  }
}

/** A body of 10 MiB takes some 10 ms. */
async function updateInTurns(hash: Hash, bytes: Uint8Array, turns: BodyTurns): Promise<void> {
  for (let from = 0; from < bytes.length; from += hashedAtOnce) {
    hash.update(bytes.subarray(from, from + hashedAtOnce));
    await turns.pause();
  }
}

const hashedAtOnce = 1024 ** 2;

function reserveIn(share: BodyShare, heldBytes: number): Failure | undefined {
  if (share.resize(heldBytes)) return undefined;
  return share.everFits(heldBytes)
    ? failure(
        'overloaded',
        'The requests under way hold as much memory as the server has for them. Send this request again in a second.',
        { retryAfterMs: 1_000 },
      )
    : failure(
        'body_too_large',
        `The request body takes ${heldBytes} bytes of memory once it is read, more than one key may hold here. ` +
          'Shorten it, or split it over several requests.',
      );
}
