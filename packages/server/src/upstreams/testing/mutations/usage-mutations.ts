import type { Dice } from '../dice.ts';
import { isJson, type Json, type MutableStream, type Mutation, objectAt } from '../mutable-stream.ts';
import { partsOf } from './stream-parts.ts';

/** Counts that cannot be, and counts in other places (contract, section 3). */
export const usageMutations: readonly Mutation[] = [
  usage('zero counts before the real ones', (stream, found, dice) => {
    if (stream.dialect === 'anthropic') return zeroStart(stream, found);
    for (const { json } of eventsWithout(stream, found).filter(
      (one) => one.at < found.at && dice.chance(0.5),
    )) {
      setUsage(stream, json, zeros(stream, found.counts));
    }
    return true;
  }),
  usage('zero counts after the real ones', (stream, found) => {
    const frame = stream.frames[found.at];
    if (frame === undefined || !isJson(frame.data) || stream.form === 'json') return false;
    const data: Json =
      stream.dialect === 'anthropic'
        ? { type: 'message_delta', delta: {}, usage: zeros(stream, found.counts) }
        : { ...frame.data, choices: [], usageMetadata: zeros(stream, found.counts) };
    if (stream.dialect === 'openai') {
      delete data['usageMetadata'];
      data['usage'] = zeros(stream, found.counts);
    } else if (stream.dialect === 'gemini') delete data['choices'];
    if (stream.dialect === 'gemini') delete data['candidates'];
    stream.frames.splice(found.at + 1, 0, { ...frame, data });
    // With several choices, each event may count one of them.
    stream.expected.mayBeMarked ||= stream.choices > 1;
    return true;
  }),
  usage('zero counts only', (stream, found) => {
    for (const { json } of eventsWith(stream)) setUsage(stream, json, zeros(stream, found.counts));
    expectNone(stream);
    return true;
  }),
  usage('no counts', (stream, _, dice) => {
    const left = dice.pick<unknown>([undefined, null, {}, []]);
    for (const { json } of eventsWith(stream)) setUsage(stream, json, left);
    expectNone(stream);
    return true;
  }),
  usage('counts on every event', (stream, found, dice) => {
    if (stream.dialect === 'anthropic' || isZero(found.counts)) return false;
    const cumulative = dice.chance(0.6);
    const before = eventsWithout(stream, found).filter(({ at }) => at < found.at);
    for (const [at, { json }] of before.entries()) {
      const share = cumulative ? (at + 1) / (before.length + 1) : 1;
      setUsage(stream, json, scaled(found.counts, share));
    }
    return true;
  }),
  usage('counts moved', (stream, found, dice) => {
    if (stream.dialect === 'anthropic' || eventsWith(stream).length > 1 || stream.form === 'json')
      return false;
    const to = dice.pick(partsOf(stream));
    setUsage(stream, found.json, undefined);
    setUsage(stream, to.json, found.counts);
    stream.expected.mayBeMarked = true;
    return true;
  }),
  usage('counts in a choice', (stream, found) => {
    const last = partsOf(stream).at(-1);
    if (eventsWith(stream).length > 1) return false;
    if (stream.dialect !== 'openai' || stream.choices !== 1 || last === undefined) return false;
    setUsage(stream, found.json, undefined);
    last.holder['usage'] = found.counts;
    return true;
  }),
  usage('cached tokens at the top', (stream, { counts }) => {
    const details = counts['prompt_tokens_details'];
    if (!isJson(details) || details['cached_tokens'] === undefined) return false;
    counts['cached_tokens'] = details['cached_tokens'];
    delete details['cached_tokens'];
    return stream.dialect === 'openai';
  }),
  usage('thoughts beside the completion', (_, { counts }) => {
    const thought = objectAt(counts, 'completion_tokens_details')['reasoning_tokens'];
    const { completion_tokens: completion, prompt_tokens: prompt } = counts;
    if (typeof thought !== 'number' || typeof completion !== 'number' || thought < 1) return false;
    if (thought > completion) return false;
    counts['completion_tokens'] = completion - thought;
    counts['total_tokens'] = Number(prompt) + completion;
    return true;
  }),
  usage('input counted as zero at the end', (stream, _, dice) => {
    const start = stream.frames.find(({ data }) => isJson(data) && data['type'] === 'message_start')?.data;
    const delta = stream.frames.find(({ data }) => isJson(data) && data['type'] === 'message_delta')?.data;
    if (!isJson(start) || !isJson(delta) || !isJson(delta['usage'])) return false;
    // Nothing but what was read from a cache is possible.
    if (Number(objectAt(objectAt(start, 'message'), 'usage')['input_tokens'] ?? 0) === 0) return false;
    delta['usage'] = {
      ...delta['usage'],
      input_tokens: 0,
      ...(dice.chance(0.5) ? { cache_read_input_tokens: 0, cache_creation_input_tokens: 0 } : {}),
    };
    return true;
  }),
];

interface FoundUsage {
  readonly at: number;
  readonly json: Json;
  readonly counts: Json;
}

/** A mutation of a stream that has counts, of which the last ones are final. */
function usage(
  name: string,
  change: (stream: MutableStream, found: FoundUsage, dice: Dice) => boolean,
): Mutation {
  return {
    name,
    dialects: ['openai', 'anthropic', 'gemini'],
    heals: true,
    apply(stream, dice) {
      const last = eventsWith(stream).at(-1);
      return last !== undefined && stream.expected.usage !== undefined && change(stream, last, dice);
    },
  };
}

/** Only the last event counts the prompt. */
function zeroStart(stream: MutableStream, { json, counts }: FoundUsage): boolean {
  const [first] = eventsWith(stream);
  if (first === undefined || first.json === json) return false;
  setUsage(stream, json, { ...first.counts, ...counts });
  setUsage(stream, first.json, zeros(stream, first.counts));
  return true;
}

function expectNone(stream: MutableStream): void {
  stream.expected.usage = undefined;
  for (const { data } of stream.frames) {
    if (!isJson(data)) continue;
    // What llama.cpp and Groq count besides.
    delete data['timings'];
    delete data['x_groq'];
  }
}

function eventsWith(stream: MutableStream): readonly FoundUsage[] {
  return stream.frames.flatMap(({ data }, at) => {
    if (!isJson(data)) return [];
    const counts = usageOf(stream, data);
    return isJson(counts) && Object.keys(counts).length > 0 ? [{ at, json: data, counts }] : [];
  });
}

function eventsWithout(stream: MutableStream, { counts }: FoundUsage): readonly { at: number; json: Json }[] {
  return stream.frames.flatMap(({ data, name }, at) => {
    if (!isJson(data) || usageOf(stream, data) === counts || name === 'error') return [];
    const can = stream.dialect !== 'anthropic' || data['type'] === 'message_start';
    return can && !('error' in data) ? [{ at, json: data }] : [];
  });
}

function usageOf({ dialect }: MutableStream, json: Json): unknown {
  if (dialect === 'gemini') return json['usageMetadata'];
  return json['type'] === 'message_start' ? objectAt(json, 'message')['usage'] : json['usage'];
}

function setUsage({ dialect }: MutableStream, json: Json, counts: unknown): void {
  if (dialect === 'gemini') json['usageMetadata'] = counts;
  else if (json['type'] === 'message_start') objectAt(json, 'message')['usage'] = counts;
  else json['usage'] = counts;
}

/** The same fields with zeros, and without details. */
function zeros({ dialect }: MutableStream, counts: Json): Json {
  const names = Object.keys(counts).filter((name) => typeof counts[name] === 'number');
  const all = dialect === 'anthropic' ? ['input_tokens', ...names] : names;
  return Object.fromEntries(all.map((name) => [name, 0]));
}

/** Whether an earlier mutation has put zeros there. */
function isZero(counts: Json): boolean {
  return Object.values(counts).every((count) => count === 0);
}

function scaled(counts: Json, share: number): Json {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => {
      const isOutput = /^(?:completion_tokens|candidatesTokenCount|thoughtsTokenCount)$/.test(name);
      return [name, isOutput && typeof count === 'number' ? Math.max(1, Math.floor(count * share)) : count];
    }),
  );
}
