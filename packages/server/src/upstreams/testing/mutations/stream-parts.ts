import {
  type Frame,
  isFilled,
  isJson,
  type Json,
  type MutableStream,
  objectAt,
  objectsOf,
} from '../mutable-stream.ts';

/** What one event adds to one choice, whatever the dialect. */
export interface Part {
  readonly frame: Frame;
  /** The place of its frame. */
  readonly at: number;
  readonly json: Json;
  /** The choice or candidate. For Anthropic: the whole event. */
  readonly holder: Json;
  readonly choice: number;
  readonly hasOutput: boolean;
}

/** The parts of a stream in their order. */
export function partsOf(stream: MutableStream): readonly Part[] {
  return stream.frames.flatMap((frame, at) => {
    const json = frame.data;
    if (!isJson(json)) return [];
    return holdersOf(stream, json).map((holder) => {
      const index = stream.dialect === 'anthropic' ? 0 : Number(holder['index'] ?? 0);
      return { frame, at, json, holder, choice: index, hasOutput: hasOutput(stream, holder) };
    });
  });
}

function holdersOf({ dialect }: MutableStream, json: Json): readonly Json[] {
  switch (dialect) {
    case 'openai':
      return objectsOf(json['choices']);
    case 'gemini':
      return objectsOf(json['candidates']);
    case 'anthropic':
      return [json];
  }
}

function hasOutput({ dialect }: MutableStream, holder: Json): boolean {
  switch (dialect) {
    case 'openai':
      return Object.entries(deltaOf(holder)).some(([field, value]) => field !== 'role' && isFilled(value));
    case 'gemini':
      return objectsOf(objectAt(holder, 'content')['parts']).some(
        (part) => isFilled(part['text']) || Object.keys(part).some((field) => !/^thought|^text$/.test(field)),
      );
    case 'anthropic':
      return /^content_block_(?:start|delta)$/.test(String(holder['type'])) || isFilled(holder['content']);
  }
}

/** The delta of a chunk's choice, or the message of a completion's. */
export function deltaOf(choice: Json): Json {
  const delta = choice['delta'] ?? choice['message'];
  return isJson(delta) ? delta : {};
}

/** The reason of the finish that a part has; undefined where it has none. */
export function finishOf(stream: MutableStream, { holder }: Pick<Part, 'holder'>): string | undefined {
  const { of, field } = finishPlace(stream, holder);
  const reason = of[field];
  return typeof reason === 'string' && !nothing.has(reason) ? reason : undefined;
}

const nothing = new Set(['', 'null', 'FINISH_REASON_UNSPECIFIED']);

export function setFinish(stream: MutableStream, { holder }: Pick<Part, 'holder'>, reason: unknown): void {
  const { of, field } = finishPlace(stream, holder);
  of[field] = reason;
}

function finishPlace(
  { dialect }: MutableStream,
  holder: Json,
): { readonly of: Json; readonly field: string } {
  switch (dialect) {
    case 'openai':
      return { of: holder, field: 'finish_reason' };
    case 'gemini':
      return { of: holder, field: 'finishReason' };
    case 'anthropic': {
      // A whole message has its reason at its top.
      const inner = holder['type'] === 'message_start' ? holder['message'] : holder['delta'];
      return { of: isJson(inner) ? inner : holder, field: 'stop_reason' };
    }
  }
}

/**
 * Whether the body ends with an end mark. The end of a JSON object is one. The end of a list is none: it shows no more than the
 * end of a body.
 */
export function hasEndMark({ dialect, frames, form }: MutableStream): boolean {
  if (form === 'json') return true;
  const last = frames.findLast(({ data }) => data !== undefined)?.data;
  if (dialect === 'openai') return frames.some(({ data }) => data === '[DONE]');
  return dialect === 'anthropic' && isJson(last) && last['type'] === 'message_stop';
}

/** An event like the others of a stream that adds `fields` to a choice. Not for Anthropic. */
export function eventWith(stream: MutableStream, like: Part, fields: Json): Frame {
  const list = stream.dialect === 'openai' ? 'choices' : 'candidates';
  const { usage: _, usageMetadata: __, timings: ___, ...envelope } = like.json;
  const index = like.holder['index'] === undefined ? {} : { index: like.holder['index'] };
  return { data: { ...envelope, [list]: [{ ...index, ...fields }] } };
}

/** Whether a choice has a finish before its last output: where it is cut there, no reader can notice that the rest is missing. */
export function finishesEarly(stream: MutableStream): boolean {
  const parts = partsOf(stream);
  return stream.expected.choices.some((_, choice) => {
    const own = partsOfChoice(stream, parts, choice);
    const lastWords = own.findLastIndex((part) => part.hasOutput);
    return own.slice(0, lastWords).some((part) => finishOf(stream, part) !== undefined);
  });
}

/** The parts of one choice; with `n: 1` all of them, whatever their index. */
export function partsOfChoice(
  stream: MutableStream,
  parts: readonly Part[],
  choice: number,
): readonly Part[] {
  return stream.choices === 1 ? parts : parts.filter((part) => part.choice === choice);
}

/** Whether the last output of a choice comes after its last finish, or the choice has no finish. */
export function endsOpen(stream: MutableStream): boolean {
  const parts = partsOf(stream);
  return stream.expected.choices.some((_, choice) => {
    const own = partsOfChoice(stream, parts, choice);
    const lastWords = own.findLastIndex((part) => part.hasOutput);
    const lastFinish = own.findLastIndex((part) => finishOf(stream, part) !== undefined);
    return lastFinish < 0 || lastFinish < lastWords;
  });
}
