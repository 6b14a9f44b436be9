import type { Failure } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { setNumbers, spellingsByName } from '../../domain/spellings.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import type { AnswerBudget } from '../http/answer/answer-budget.ts';
import { jsonOf } from '../http/unknown-json.ts';

/**
 * OpenRouter's `reasoning_details` of one choice; the next turn must send them back. They come in pieces: adjacent pieces of
 * one index and type are one detail, and their texts are joined.
 */
export interface ReasoningDetails {
  /** Keeps the pieces of one event. Returns a failure where they exceed the budget of the answer. */
  add(pieces: readonly JsonObject[]): Failure | undefined;
  /** The details so far; empty where there are none. */
  all(): readonly JsonObject[];
}

interface Detail {
  /** The fields in their order; the value is empty for a joined text. */
  readonly fields: Map<string, JsonValue>;
  /** The joined texts by field. */
  readonly texts: Map<string, TextPieces<string>>;
  /** The spelling of each field that is a number: that of the last piece with the field. */
  readonly spellings: Map<string, string>;
  /** The length in the budget of each field that is no joined text; kept because measuring means writing the value as JSON. */
  readonly lengths: Map<string, number>;
}

const joinedFields: ReadonlySet<string> = new Set(['text', 'summary', 'data']);

/** Creates the details of one choice. */
export function createReasoningDetails(budget: AnswerBudget): ReasoningDetails {
  return new KeptDetails(budget);
}

class KeptDetails implements ReasoningDetails {
  private readonly budget: AnswerBudget;
  private readonly details: Detail[] = [];

  constructor(budget: AnswerBudget) {
    this.budget = budget;
  }

  add(pieces: readonly JsonObject[]): Failure | undefined {
    for (const piece of pieces) {
      const wrong = this.addPiece(piece);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  all(): readonly JsonObject[] {
    return this.details.map(written);
  }

  private addPiece(piece: JsonObject): Failure | undefined {
    const last = this.details.at(-1);
    const continues =
      last !== undefined &&
      'index' in piece &&
      last.fields.get('index') === piece['index'] &&
      last.fields.get('type') === piece['type'];
    const detail: Detail = continues
      ? last
      : { fields: new Map(), texts: new Map(), spellings: new Map(), lengths: new Map() };
    if (!continues) {
      this.details.push(detail);
      const wrong = this.budget.extra(detailLength);
      if (wrong !== undefined) return wrong;
    }
    const spellings = spellingsByName(piece);
    for (const [field, value] of Object.entries(piece)) {
      const wrong = this.keep(detail, field, value, spellings.get(field));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  private keep(
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
      return this.budget.extra(name + value.length);
    }
    // Most fields of a piece repeat those of the piece before.
    if (isKnown && (value === null || (value === fields.get(field) && !texts.has(field)))) return undefined;
    const before = texts.get(field)?.length ?? lengths.get(field) ?? 0;
    const length = spelling?.length ?? lengthOf(value);
    lengths.set(field, length);
    texts.delete(field);
    fields.set(field, value);
    if (spelling === undefined) spellings.delete(field);
    else spellings.set(field, spelling);
    return this.budget.extra(name + length - before);
  }
}

function keepText({ fields, texts }: Detail, field: string, value: string): void {
  const pieces = texts.get(field) ?? createTextPieces();
  pieces.add(value);
  texts.set(field, pieces);
  fields.set(field, '');
}

/** The length in the budget of a detail without fields: many empty details take memory too. */
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
