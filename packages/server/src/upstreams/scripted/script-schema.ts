import { asciiJson, errorCodes } from '@tailrace/protocol';
import { z } from 'zod';
import { parseDuration } from '../../config/units.ts';
import { failure } from '../../domain/failure.ts';
import { isBlank, isObject } from '../../domain/json.ts';
import { didYouMean } from '../../domain/nearest.ts';
import { type Feature, features } from '../../domain/requirements.ts';
import { namedFields, type StreamEvent } from '../../domain/stream-event.ts';
import { type Chunk, cut, type Paced, type Script, type ScriptModel, type Step } from './script.ts';

/** The script file's format: unknown JSON in, {@link Script} out. */

/** An object with these keys only. The problem for an unknown key names the nearest known key. */
function only<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key "${key}"${didYouMean(key, Object.keys(shape))}`).join(', ')
        : undefined,
  });
}

// A timer of Node with more than 2^31 - 1 ms fires at once.
const maxDurationMs = 2 ** 31 - 1;

const duration = z.string('expected a duration such as 200ms, 2s or 1m').transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms <= maxDurationMs) return ms;
  context.addIssue(
    `expected a duration such as 200ms, 2s or 1m, 24 days at most, got ${JSON.stringify(text)}`,
  );
  return z.NEVER;
});

const chunk = z
  .string('expected a size such as "3 characters" or "1 word"')
  .transform((text, context): Chunk => {
    const [, count, unit] = /^([1-9]\d{0,5}) (character|word)s?$/.exec(text) ?? [];
    if (count !== undefined) return { count: Number(count), unit: unit === 'word' ? 'words' : 'characters' };
    context.addIssue(`expected a size such as "3 characters" or "1 word", got ${JSON.stringify(text)}`);
    return z.NEVER;
  });

const count = z.int().min(0).max(1_000_000_000);
const choice = z.int().min(0).max(127);
const times = z.int().min(1).max(1_000_000);

const capabilities = z
  .union([z.literal('all'), z.array(z.enum(features))], 'expected all, or a list of features')
  .transform((value) => new Set<Feature>(value === 'all' ? features : value));

const condition = only({
  model: z.union([z.string(), z.array(z.string())], 'expected a model name or a list of them').optional(),
  last_message_contains: z.string().optional(),
  last_message_matches: z
    .string()
    .transform((source, context) => {
      try {
        return new RegExp(source, 'u');
      } catch (error) {
        context.addIssue(`expected a regular expression: ${error instanceof Error ? error.message : error}`);
        return z.NEVER;
      }
    })
    .optional(),
  last_role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']).optional(),
  turn: z.int().min(1).optional(),
}).transform((when) => ({
  ...(when.model === undefined ? {} : { models: [when.model].flat() }),
  ...(when.last_message_contains === undefined ? {} : { lastMessageContains: when.last_message_contains }),
  ...(when.last_message_matches === undefined ? {} : { lastMessageMatches: when.last_message_matches }),
  ...(when.last_role === undefined ? {} : { lastRole: when.last_role }),
  ...(when.turn === undefined ? {} : { turn: when.turn }),
}));

/** How text is cut and paced where a step does not define it. */
interface Pace {
  readonly chunk: Chunk;
  readonly everyMs: number;
}

const usageFields = only({
  prompt_tokens: count,
  completion_tokens: count,
  cached_tokens: count.optional(),
  cache_write_tokens: count.optional(),
  reasoning_tokens: count.optional(),
});

const eventTypes = [
  'start',
  'text-delta',
  'reasoning-delta',
  'refusal-delta',
  'tool-call-start',
  'tool-call-delta',
  'other-delta',
  'usage',
  'finish',
  'failed',
] as const satisfies StreamEvent['type'][];

/** The steps after which nothing can be played. */
const last = new Set<Step['do']>(['fail', 'hang', 'throw', 'end_without_finish']);

function stepSchemas(pace: Pace) {
  const paced = { choice: choice.optional(), every: duration.optional() };
  const pacing = (step: { choice?: number | undefined; every?: number | undefined }): Paced => ({
    everyMs: step.every ?? pace.everyMs,
    ...(step.choice === undefined ? {} : { choice: step.choice }),
  });
  const textStep = <Kind extends 'text' | 'reasoning' | 'refusal'>(kind: Kind) =>
    only({
      [kind]: z.union([z.string(), z.array(z.string())], 'expected a text, or a list of deltas'),
      chunk: chunk.optional(),
      ...paced,
    }).transform((step): Step => {
      // The type does not have the computed key; the schema above has checked it.
      const text = (step as Record<string, unknown>)[kind] as string | string[];
      const deltas = typeof text === 'string' ? [...cut(text, step.chunk ?? pace.chunk)] : text;
      return { do: kind, deltas, ...pacing(step) };
    });
  const nested = z.lazy(() => steps(pace));
  return {
    text: textStep('text'),
    reasoning: textStep('reasoning'),
    refusal: textStep('refusal'),
    echo: only({ echo: z.literal(true), chunk: chunk.optional(), ...paced }).transform(
      (step): Step => ({ do: 'echo', chunk: step.chunk ?? pace.chunk, ...pacing(step) }),
    ),
    other: only({
      other: only({
        field: z
          .string()
          .min(1)
          .refine((name) => !namedFields.has(name), 'this field has a step of its own'),
        value: z.json().refine((value) => !isBlank(value), 'expected a value that carries something'),
      }),
      ...paced,
    }).transform(
      ({ other, ...step }): Step => ({
        do: 'other',
        field: other.field,
        value: asciiJson(other.value),
        ...pacing(step),
      }),
    ),
    tool_call: only({
      tool_call: only({
        name: z.string().min(1),
        id: z.string().min(1).optional(),
        arguments: z
          .union([z.string(), z.looseObject({})], 'expected an object, or its JSON text')
          .default({}),
        pieces: z
          .union([z.int().min(1), z.array(z.string())], 'expected a number, or a list of pieces')
          .default(1),
      }),
      ...paced,
    }).transform(({ tool_call: call, ...step }): Step => {
      const text = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
      const size = typeof call.pieces === 'number' ? Math.ceil(Array.from(text).length / call.pieces) : 1;
      const argumentPieces = Array.isArray(call.pieces)
        ? call.pieces
        : [...cut(text, { count: Math.max(1, size), unit: 'characters' })];
      return {
        do: 'tool_call',
        name: call.name,
        argumentPieces,
        ...(call.id === undefined ? {} : { id: call.id }),
        ...pacing(step),
      };
    }),
    start: only({ start: z.union([z.literal(true), only({ fingerprint: z.string() })]) }).transform(
      ({ start }): Step => ({ do: 'start', ...(start === true ? {} : start) }),
    ),
    wait: only({ wait: duration }).transform(({ wait }): Step => ({ do: 'wait', ms: wait })),
    usage: only({
      usage: z.union([z.literal('none'), usageFields], 'expected token counts, or none'),
    }).transform(({ usage }): Step => {
      if (usage === 'none') return { do: 'usage', usage: undefined };
      return {
        do: 'usage',
        usage: {
          promptTokens: usage.prompt_tokens,
          completionTokens: usage.completion_tokens,
          ...(usage.cached_tokens === undefined ? {} : { cachedTokens: usage.cached_tokens }),
          ...(usage.cache_write_tokens === undefined ? {} : { cacheWriteTokens: usage.cache_write_tokens }),
          ...(usage.reasoning_tokens === undefined ? {} : { reasoningTokens: usage.reasoning_tokens }),
        },
      };
    }),
    finish: only({
      finish: z.enum(['stop', 'length', 'tool_calls', 'content_filter']),
      choice: choice.optional(),
    }).transform(
      ({ finish, choice: only }): Step => ({
        do: 'finish',
        reason: finish,
        ...(only === undefined ? {} : { choice: only }),
      }),
    ),
    fail: only({
      fail: only({
        code: z.enum(errorCodes),
        message: z.string().default('The script of this upstream fails here.'),
        param: z.string().optional(),
        retry_after: duration.optional(),
      }),
    }).transform(
      ({ fail }): Step => ({
        do: 'fail',
        failure: failure(fail.code, fail.message, {
          ...(fail.param === undefined ? {} : { param: fail.param }),
          ...(fail.retry_after === undefined ? {} : { retryAfterMs: fail.retry_after }),
        }),
      }),
    ),
    hang: only({ hang: z.literal(true) }).transform((): Step => ({ do: 'hang' })),
    repeat: only({ repeat: only({ times, steps: nested }) }).transform(
      ({ repeat }): Step => ({ do: 'repeat', ...repeat }),
    ),
    together: only({ together: nested }).transform(({ together }, context): Step => {
      const pause = findPause(together);
      if (pause !== undefined) context.addIssue(`${pause.do} cannot be part of one batch`);
      return { do: 'together', steps: together };
    }),
    event: only({ event: z.looseObject({ type: z.enum(eventTypes) }) })
      // The other fields are not checked: this step exists to break the grammar.
      .transform(({ event }): Step => ({ do: 'event', event: event as unknown as StreamEvent })),
    throw: only({ throw: z.string() }).transform((step): Step => ({ do: 'throw', message: step.throw })),
    end_without_finish: only({ end_without_finish: z.literal(true) }).transform(
      (): Step => ({ do: 'end_without_finish' }),
    ),
  } satisfies Record<Step['do'], z.ZodType<Step>>;
}

/**
 * A list of steps. A step is a map with one known action among its keys, or the name of an action without arguments (`- hang`).
 * The action selects the schema, so that a problem names one step and not all kinds of steps.
 */
function steps(pace: Pace): z.ZodType<readonly Step[]> {
  const schemas: Record<string, z.ZodType<Step>> = stepSchemas(pace);
  const actions = Object.keys(schemas);
  const step = z.unknown().transform((value, context): Step => {
    const map = typeof value === 'string' ? { [value]: true } : value;
    const named = isObject(map) ? actions.filter((action) => Object.hasOwn(map, action)) : [];
    const [action, other] = named;
    const schema = action === undefined ? undefined : schemas[action];
    if (schema === undefined || other !== undefined) {
      const keys = isObject(map) ? Object.keys(map) : [];
      const guess = keys.map((key) => didYouMean(key, actions)).find((text) => text !== '') ?? '';
      const came =
        other === undefined
          ? `${JSON.stringify(value)?.slice(0, 80)}${guess}`
          : `${action} and ${other} in one step`;
      context.addIssue(`expected a step with one of ${actions.join(', ')}, got ${came}`);
      return z.NEVER;
    }
    const result = schema.safeParse(map);
    if (result.success) return result.data;
    for (const { path, message } of result.error.issues) {
      context.issues.push({ code: 'custom', message, path: [...path], input: value });
    }
    return z.NEVER;
  });
  return z.array(step, 'expected a list of steps').superRefine((list, context) => {
    const end = list.findIndex((item) => last.has(item.do));
    if (end < 0 || end === list.length - 1) return;
    context.addIssue({
      code: 'custom',
      path: [end + 1],
      message: `this step can never be played: ${list[end]?.do} comes before it`,
    });
  });
}

function findPause(list: readonly Step[]): Step | undefined {
  for (const item of list) {
    const pause = item.do === 'repeat' ? findPause(item.steps) : item;
    if (pause?.do === 'wait' || pause?.do === 'hang') return pause;
  }
  return undefined;
}

const modelFields = { capabilities: capabilities.optional(), context: z.int().min(1).optional() };

/** Reads a script from decoded YAML or JSON. */
export const scriptSchema: z.ZodType<Script> = only({
  ...modelFields,
  models: z.record(z.string(), only(modelFields)).default({}),
  first_token_clock: z.enum(['call', 'start']).default('call'),
  chunk: chunk.optional(),
  every: duration.optional(),
  answers: z.array(z.unknown()).min(1, 'expected at least one answer'),
}).transform((file, context): Script => {
  const pace = { chunk: file.chunk ?? { count: 1, unit: 'words' as const }, everyMs: file.every ?? 0 };
  const answer = only({ when: condition.default({}), times: times.optional(), steps: steps(pace) }).transform(
    ({ times: limit, ...rest }) => ({
      ...rest,
      ...(limit === undefined ? {} : { times: limit }),
    }),
  );
  const answers = z.array(answer).safeParse(file.answers);
  if (!answers.success) {
    for (const { path, message } of answers.error.issues) {
      context.issues.push({ code: 'custom', message, path: ['answers', ...path], input: file.answers });
    }
    return z.NEVER;
  }
  const model = scriptModel(file, { capabilities: new Set(features) });
  return {
    model,
    models: new Map(Object.entries(file.models).map(([name, fields]) => [name, scriptModel(fields, model)])),
    firstTokenClock: file.first_token_clock,
    answers: answers.data,
  };
});

function scriptModel(
  fields: { capabilities?: Set<Feature> | undefined; context?: number | undefined },
  otherwise: ScriptModel,
): ScriptModel {
  const contextTokens = fields.context ?? otherwise.contextTokens;
  return {
    capabilities: fields.capabilities ?? otherwise.capabilities,
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
}
