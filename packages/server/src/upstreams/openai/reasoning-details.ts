import type { Failure } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import type { AnswerBudget } from '../shared/answer-budget.ts';
import { jsonOf } from '../shared/unknown-json.ts';

/**
 * OpenRouter's `reasoning_details` of one choice, which it wants back with the message. They come in pieces; those of
 * one index and type are one, and their texts are joined.
 */
export interface ReasoningDetails {
  /** Keeps the pieces of one event; or says why there are too many. */
  add(pieces: readonly JsonObject[]): Failure | undefined;
  /** Empty where there are none. */
  all(): readonly JsonObject[];
}

/** The fields of one detail; a text that is joined is its pieces. */
type Detail = Map<string, JsonValue | TextPieces<string>>;

const joinedFields: ReadonlySet<string> = new Set(['text', 'summary', 'data']);

export function createReasoningDetails(budget: AnswerBudget): ReasoningDetails {
  const details: Detail[] = [];

  function keep(detail: Detail, field: string, value: JsonValue): Failure | undefined {
    const before = detail.get(field);
    if (typeof value === 'string' && joinedFields.has(field)) {
      if (isPieces(before)) before.add(value);
      else {
        const pieces = createTextPieces();
        pieces.add(value);
        detail.set(field, pieces);
      }
      return budget.extra(value.length + (before === undefined ? field.length : 0));
    }
    // Most fields of a piece only repeat what the one before it said.
    if (value === before || (value === null && before !== undefined)) return undefined;
    detail.set(field, value);
    return budget.extra(lengthOf(value) - lengthOf(before) + (before === undefined ? field.length : 0));
  }

  function add(piece: JsonObject): Failure | undefined {
    const last = details.at(-1);
    const continues =
      last !== undefined &&
      'index' in piece &&
      last.get('index') === piece['index'] &&
      last.get('type') === piece['type'];
    const detail: Detail = continues ? last : new Map();
    if (!continues) {
      details.push(detail);
      const wrong = budget.extra(detailLength);
      if (wrong !== undefined) return wrong;
    }
    for (const [field, value] of Object.entries(piece)) {
      const wrong = keep(detail, field, value);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  return {
    add(pieces) {
      for (const piece of pieces) {
        const wrong = add(piece);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
    all: () => details.map(written),
  };
}

/** What a detail costs beside its fields: many empty ones are not free. */
const detailLength = 64;

function isPieces(value: JsonValue | TextPieces<string> | undefined): value is TextPieces<string> {
  return typeof value === 'object' && value !== null && 'join' in value && typeof value.join === 'function';
}

function lengthOf(value: JsonValue | TextPieces<string> | undefined): number {
  if (value === undefined) return 0;
  return isPieces(value) ? value.length : (jsonOf(value)?.length ?? 0);
}

function written(detail: Detail): JsonObject {
  return Object.fromEntries(
    [...detail].map(([field, value]): [string, JsonValue] => [field, isPieces(value) ? value.join() : value]),
  );
}
