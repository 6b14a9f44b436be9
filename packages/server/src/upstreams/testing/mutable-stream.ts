import type { Failure } from '../../domain/failure.ts';
import type { Usage } from '../../domain/usage.ts';
import type { ChoiceOutput } from './answer-output.ts';
import type { Dice } from './dice.ts';

/** The protocols of the adapters that read HTTP answers. */
export const dialects = ['openai', 'anthropic', 'gemini'] as const;
export type DialectName = (typeof dialects)[number];

/** An object of an upstream's JSON, which mutations change in place. */
export type Json = { [name: string]: unknown };

/** One event of an upstream's stream. */
export interface Frame {
  /** The name of its `event` line. Absent: it has none. */
  name?: string;
  /** Its JSON, or its data as a text or bytes that are no JSON object. Undefined: there is only the comment. */
  data: Json | string | Buffer | undefined;
  /** A comment line before it. */
  comment?: string;
}

/** How frames are written as bytes. */
export interface Framing {
  /** The ends of lines, drawn for each line. */
  lineEnds: readonly string[];
  /** Whether a blank line parts two events: after each one, after none, or drawn for each. */
  gaps: 'all' | 'none' | 'some';
  /** What stands between `data:` and the data, drawn for each line. */
  spaces: readonly string[];
  /** How JSON is spelled: with escapes for all that is not ASCII, with spaces, or over several `data` lines. */
  json: 'plain' | 'escaped' | 'spaced' | 'lines';
  /** A byte order mark stands first. */
  mark: boolean;
  /** Lines drawn for each event: `id: 7`, `retry: 1`. */
  extraLines: readonly string[];
  /** What stands after the last event: a whole gap, only the end of its line, or nothing. */
  ending: 'gap' | 'line' | 'nothing';
}

/** An answer of an upstream, whole as it is or changed by mutations, and what a client must get of it. */
export interface MutableStream {
  readonly dialect: DialectName;
  /** `n` of the request. */
  readonly choices: number;
  frames: Frame[];
  readonly expected: {
    readonly choices: ChoiceOutput[];
    /** Undefined: no count came, so a reported one has to be marked as estimated. */
    usage: Usage | undefined;
    /** The counts stand before the last output, so they may be marked as estimated. */
    mayBeMarked: boolean;
  };
  /** `json`: the body is the JSON of the only frame. `json-list`: a list of all of them. */
  form: 'stream' | 'json' | 'json-list';
  readonly framing: Framing;
  status: number;
  contentType: string;
  /** How the body ends after its last byte. */
  end: 'ends' | 'stays open' | Failure;
  /** How many bytes a read has: all of them, one, or as many as is drawn. */
  reads: 'whole' | 'bytes' | 'drawn';
  /** Changes the bytes of the body. Returns undefined where no reader could notice the change. */
  damage: ((bytes: Buffer, dice: Dice) => Buffer | undefined) | undefined;
  /** True where mutations that heal alone make, together, an answer that no reader can know. */
  mayFail: boolean;
}

/** A kind of deviation of upstreams. */
export interface Mutation {
  readonly name: string;
  readonly dialects: readonly DialectName[];
  /** True: the answer must be read whole all the same. False: it is read whole, or ends in an error. */
  readonly heals: boolean;
  /** Changes the stream at places that the dice choose. Returns false where it has no such place, and changes nothing then. */
  apply(stream: MutableStream, dice: Dice): boolean;
}

/** A stream of these frames, written as the standard says, that a client must get as `choices` and `usage`. */
export function createStream(
  dialect: DialectName,
  frames: Frame[],
  choices: ChoiceOutput[],
  usage: Usage | undefined,
): MutableStream {
  return {
    dialect,
    choices: choices.length,
    frames,
    expected: { choices, usage, mayBeMarked: false },
    form: 'stream',
    framing: {
      lineEnds: ['\n'],
      gaps: 'all',
      spaces: [' '],
      json: 'plain',
      mark: false,
      extraLines: [],
      ending: 'gap',
    },
    status: 200,
    contentType: 'text/event-stream',
    end: 'ends',
    reads: 'whole',
    damage: undefined,
    mayFail: false,
  };
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** The objects of a list; none where it is no list. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isJson) : [];
}

/** The object of that field; an empty one, which is not stored, where it has none. */
export function objectAt(value: Json, field: string): Json {
  const inner = value[field];
  return isJson(inner) ? inner : {};
}

export function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return !Array.isArray(value) || value.length > 0;
}

export function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
