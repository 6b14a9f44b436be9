import type { Failure } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { setNumbers, spellingsByName } from '../../domain/spellings.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import { jsonOf } from '../http/unknown-json.ts';

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

interface Detail {
  /** In their order; empty for a text that is joined. */
  readonly fields: Map<string, JsonValue>;
  readonly texts: Map<string, TextPieces<string>>;
  /** How the numbers among its fields were written: one spelling a field, however many pieces have it. */
  readonly spellings: Map<string, string>;
  /** What each field that is no joined text was counted for: to write it once more would cost as much as to keep it. */
  readonly lengths: Map<string, number>;
}

const joinedFields: ReadonlySet<string> = new Set(['text', 'summary', 'data']);

export function createReasoningDetails(budget: AnswerBudget): ReasoningDetails {
  const details: Detail[] = [];

  function keepText({ fields, texts }: Detail, field: string, value: string): void {
    const pieces = texts.get(field) ?? createTextPieces();
    pieces.add(value);
    texts.set(field, pieces);
    fields.set(field, '');
  }

  function keep(
    detail: Detail,
    field: string,
    value: JsonValue,
    spelling: string | undefined,
  ): Failure | undefined {
    const { fields, texts, spellings, lengths } = detail;
    const isKnown = fields.has(field);
    const name = isKnown ? 0 : field.length;
    if (typeof value === 'string' && joinedFields.has(field)) {
      keepText(detail, field, value);
      spellings.delete(field);
      return budget.extra(name + value.length);
    }
    // Most fields of a piece only repeat what the one before it said.
    if (isKnown && (value === null || (value === fields.get(field) && !texts.has(field)))) return undefined;
    const before = texts.get(field)?.length ?? lengths.get(field) ?? 0;
    const length = spelling?.length ?? lengthOf(value);
    lengths.set(field, length);
    texts.delete(field);
    fields.set(field, value);
    if (spelling === undefined) spellings.delete(field);
    else spellings.set(field, spelling);
    return budget.extra(name + length - before);
  }

  function add(piece: JsonObject): Failure | undefined {
    const last = details.at(-1);
    const continues =
      last !== undefined &&
      'index' in piece &&
      last.fields.get('index') === piece['index'] &&
      last.fields.get('type') === piece['type'];
    const detail: Detail = continues
      ? last
      : { fields: new Map(), texts: new Map(), spellings: new Map(), lengths: new Map() };
    if (!continues) {
      details.push(detail);
      const wrong = budget.extra(detailLength);
      if (wrong !== undefined) return wrong;
    }
    const spellings = spellingsByName(piece);
    for (const [field, value] of Object.entries(piece)) {
      const wrong = keep(detail, field, value, spellings.get(field));
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

function lengthOf(value: JsonValue): number {
  return jsonOf(value)?.length ?? 0;
}

function written({ fields, texts, spellings }: Detail): JsonObject {
  const entries = [...fields].map(([field, value]) => [field, texts.get(field)?.join() ?? value] as const);
  const detail = Object.fromEntries(entries);
  if (spellings.size > 0) setNumbers(detail, [...spellings].flat());
  return detail;
}
