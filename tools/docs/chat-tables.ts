import type { JsonValue } from '../../packages/server/src/domain/json.ts';
import { type Feature, features } from '../../packages/server/src/domain/requirements.ts';
import { honoured } from '../../packages/server/src/engine/parent/honoured.ts';
import * as anthropic from '../../packages/server/src/upstreams/anthropic/models.ts';
import * as gemini from '../../packages/server/src/upstreams/gemini/models.ts';
import { featuresOf } from '../../packages/server/src/upstreams/openai/preset.ts';
import { presets } from '../../packages/server/src/upstreams/openai/presets.ts';
import { decodeChatRequest } from '../../packages/server/src/wire/chat/decode-request.ts';
import { chatAnswerSchemas } from '../openapi/chat-answers.ts';
import { chatFields, chatRequestSchemas } from '../openapi/chat-request.ts';
import { fieldMeanings } from '../openapi/request-fields.ts';
import type { Schema } from '../openapi/schema.ts';
import { answerMeanings } from './answer-meanings.ts';
import { markdownTable } from './markdown-table.ts';

/* The tables of docs/chat-completions.md: from the schemas of the API, and from what decoder and adapters say themselves. */

/** Every field of a request, its form and its meaning. */
export function fieldTable(): string {
  const { properties } = chatRequestSchemas['ChatCompletionRequest'] as {
    properties: Record<string, Schema>;
  };
  return markdownTable(
    ['field', 'form', 'what it means'],
    chatFields.map((field) => [`\`${field}\``, formOf(properties[field] ?? {}), fieldMeanings[field] ?? '']),
  );
}

const hello = { role: 'user', content: 'Hello' } as const;
const f = { type: 'function', function: { name: 'f' } } as const;
const schema = { name: 's', schema: { type: 'object' } } as const;
const userWith = (part: JsonValue): JsonValue => ({ messages: [{ role: 'user', content: [part] }] });

/** A value of each field, or of a part of one, that asks for something. */
const asks: readonly (readonly [string, JsonValue])[] = [
  ['`temperature`', { temperature: 0.5 }],
  ['`top_p`', { top_p: 0.5 }],
  ['`max_tokens`, `max_completion_tokens`', { max_tokens: 10 }],
  ['`stop`', { stop: 'x' }],
  ['`seed`', { seed: 1 }],
  ['`n` above 1', { n: 2 }],
  ['`presence_penalty`', { presence_penalty: 1 }],
  ['`frequency_penalty`', { frequency_penalty: 1 }],
  ['`logit_bias`', { logit_bias: { '1': 1 } }],
  ['`logprobs`, `top_logprobs`', { logprobs: true, top_logprobs: 2 }],
  ['`response_format: json_object`', { response_format: { type: 'json_object' } }],
  ['`response_format: json_schema`', { response_format: { type: 'json_schema', json_schema: schema } }],
  ['`tools`', { tools: [f] }],
  ['`tool_choice` that forces a call', { tools: [f], tool_choice: 'required' }],
  ['`parallel_tool_calls`', { parallel_tool_calls: false }],
  ['`reasoning_effort`', { reasoning_effort: 'low' }],
  ['`verbosity`', { verbosity: 'low' }],
  ['`user`, `safety_identifier`', { user: 'u', safety_identifier: 's' }],
  ['`metadata`, `store`, `service_tier`, `prompt_cache_key`', { metadata: { a: 'b' }, store: true }],
  ['`prediction`', { prediction: { type: 'content', content: 'x' } }],
  ['`modalities`, `audio`', { modalities: ['audio'], audio: { voice: 'alloy' } }],
  ['`web_search_options`', { web_search_options: {} }],
  ['`functions`, `function_call`', { functions: [{ name: 'f' }] }],
  [
    '`continue_final_message`',
    { continue_final_message: true, messages: [hello, { role: 'assistant', content: 'A' }] },
  ],
  ['an image in `messages`', userWith({ type: 'image_url', image_url: { url: 'https://a/b' } })],
  ['audio in `messages`', userWith({ type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } })],
  ['a file in `messages`', userWith({ type: 'file', file: { file_id: 'f' } })],
  ['a field that the protocol has not', { top_k: 5 }],
];

/** What each kind of target does with what a field asks for. */
export function targetTable(): string {
  const presetNames = Object.keys(presets);
  const presetsWith = (feature: Feature) =>
    Object.entries(presets).flatMap(([name, preset]) => (featuresOf(preset).includes(feature) ? [name] : []));
  return markdownTable(
    ['what is asked for', 'engine', 'openai', 'anthropic', 'gemini', 'scripted'],
    asks.map(([what, fields]) => {
      const needed = featuresNeeded(fields);
      if (needed.length === 0) return [what, ...Array.from({ length: 5 }, () => 'advice')];
      const each = (has: (feature: Feature) => boolean) => (needed.every(has) ? 'yes' : '400');
      const some = (models: readonly ReadonlySet<Feature>[]) => {
        const able = models.filter((model) => needed.every((feature) => model.has(feature)));
        return able.length === 0 ? '400' : able.length === models.length ? 'yes' : 'some models';
      };
      const able = presetNames.filter((name) =>
        needed.every((feature) => presetsWith(feature).includes(name)),
      );
      return [
        what,
        each((feature) => honoured.has(feature)),
        presetCell(able, presetNames),
        some(claudes),
        some(geminis),
        each((feature) => features.includes(feature)),
      ];
    }),
  );
}

const claudes = [
  'claude-3-7-sonnet',
  'claude-sonnet-4-5',
  'claude-opus-4-6',
  'claude-opus-4-8',
  'claude-sonnet-5-5',
].map((id) => anthropic.capabilitiesOf(anthropic.claudeModel(id)));
const geminis = ['gemini-2.5-flash', 'gemini-3-pro', 'gemini-flash-latest', 'gemma-3-27b-it'].map((id) =>
  gemini.capabilitiesOf(gemini.geminiModel(id)),
);

function featuresNeeded(fields: JsonValue): readonly Feature[] {
  const decoded = decodeChatRequest({ model: 'm', messages: [hello], ...(fields as object) });
  if (!decoded.ok) throw new Error(decoded.failure.message);
  return decoded.value.requirements.map(({ feature }) => feature);
}

function presetCell(able: readonly string[], all: readonly string[]): string {
  if (able.length === all.length) return 'yes';
  if (able.length === 0) return '400';
  const lacking = all.filter((name) => !able.includes(name));
  return able.length <= lacking.length ? `only ${able.join(', ')}` : `all but ${lacking.join(', ')}`;
}

/** Every member of an answer, or of the chunks of a stream. */
export function answerTable(name: 'ChatCompletion' | 'ChatCompletionChunk'): string {
  return markdownTable(['member', 'form', 'what it means'], rowsOf('', chatAnswerSchemas[name] ?? {}));
}

function rowsOf(path: string, schema: Schema): string[][] {
  const { properties } = schema as { properties?: Readonly<Record<string, Schema>> };
  return Object.entries(properties ?? {}).flatMap(([key, child]) => {
    const inside = path === '' ? key : `${path}.${key}`;
    const meaning = answerMeanings[inside] ?? child['description'];
    if (typeof meaning !== 'string') throw new Error(`tools/docs/answer-meanings.ts lacks '${inside}'`);
    const full = resolved(child);
    const items = resolved((full['items'] as Schema | undefined) ?? {});
    const rows = items['properties'] === undefined ? rowsOf(inside, full) : rowsOf(`${inside}[]`, items);
    return [[`\`${inside}\``, formOf(child), meaning], ...rows];
  });
}

/** What a reference leads to, also in a union with null. */
function resolved(schema: Schema): Schema {
  const { $ref: target, anyOf } = schema as { $ref?: string; anyOf?: readonly Schema[] };
  const one =
    target === undefined && anyOf?.length === 2 ? anyOf.find(({ type }) => type !== 'null') : undefined;
  if (one !== undefined) return resolved(one);
  const name = target?.split('/').at(-1) ?? '';
  return { ...chatRequestSchemas[name], ...chatAnswerSchemas[name], ...schema };
}

/** In a few words. A request may have null for any optional field, so that is not said. */
function formOf(schema: Schema): string {
  const {
    type,
    enum: words,
    const: word,
    anyOf,
    oneOf,
    $ref: target,
    minimum,
    maximum,
    maxLength,
    maxItems,
  } = schema as {
    readonly type?: string | readonly string[];
    readonly enum?: readonly (string | null)[];
    readonly const?: string | number;
    readonly anyOf?: readonly Schema[];
    readonly oneOf?: readonly Schema[];
    readonly $ref?: string;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly maxLength?: number;
    readonly maxItems?: number;
  };
  const alternatives = anyOf ?? oneOf;
  if (alternatives !== undefined)
    return [...new Set(alternatives.map(formOf).filter((form) => form !== 'null'))].join(' or ');
  if (target !== undefined) return formOf(schemaNamed(target));
  if (word !== undefined) return `\`${word}\``;
  if (words !== undefined)
    return words
      .filter((one) => one !== null)
      .map((one) => `\`${one}\``)
      .join(', ');
  const kinds = [type ?? []].flat().filter((kind) => kind !== 'null');
  const [kind = 'any'] = kinds;
  if (type === 'null') return 'null';
  if (kinds.length > 1) return kinds.map((one) => names[one] ?? one).join(' or ');
  const range = maximum === undefined || maximum >= 2 ** 31 - 1 ? '' : `, ${minimum} to ${maximum}`;
  if (kind === 'integer')
    return minimum === 1 && range === '' ? 'whole number from 1' : `whole number${range}`;
  if (kind === 'number') return `number${range}`;
  if (kind === 'string')
    return maxLength === undefined ? 'text' : `text, at most ${maxLength.toLocaleString('en-US')}`;
  if (kind === 'array')
    return maxItems === undefined ? 'list' : `list, at most ${maxItems.toLocaleString('en-US')}`;
  return names[kind] ?? kind;
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  object: 'object',
  boolean: '`true`, `false`',
  array: 'list',
  any: 'any',
};

function schemaNamed(target: string): Schema {
  const name = target.split('/').at(-1) ?? '';
  return chatRequestSchemas[name] ?? chatAnswerSchemas[name] ?? {};
}
