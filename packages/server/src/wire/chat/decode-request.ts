import type { ChatRequest } from '../../domain/chat-request.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import type { DecodedRequest, Requirement } from '../../domain/requirements.ts';
import { pickMembers } from '../../domain/spellings.ts';
import {
  createFindings,
  describeValue,
  listAt,
  listField,
  missing,
  numberAt,
  objectField,
  type Place,
  plainField,
  rawField,
  restOf,
  stringAt,
  stringField,
  wrongType,
  wrongValue,
} from '../fields.ts';
import { continuationField, decodeContinued, notInTheMiddle, templateField } from './decode-continued.ts';
import { decodeMessages } from './decode-messages.ts';
import { decodeResponseFormat, decodeToolChoice, decodeTools } from './decode-tools.ts';
import { knownMembers, membersOfStreamOptions } from './known-members.ts';
import { chatBounds, plainFields, streamOptionFields, tokenId } from './plain-fields.ts';
import { requirementsOf } from './requirements-of.ts';
import { firstUnknownMember } from './unknown-members.ts';

/** What this surface interprets: OpenAI's fields, and the one that asks for the rest of an answer. */
const knownHere = new Map([...knownMembers, [continuationField, undefined]]);
const knownInContinuation = new Map([...knownHere, [templateField, undefined]]);

const advisoryFields = [
  ...(['user', 'safety_identifier', 'prompt_cache_key', 'service_tier', 'verbosity', 'store'] as const),
];

/** Known members that go into `rest`: {@link checkAdvisoryFields} and {@link checkRareFields} check only their types. */
const uninterpreted = new Set([
  ...[...advisoryFields, 'metadata'],
  ...['modalities', 'audio', 'prediction', 'web_search_options', 'functions', 'function_call'],
]);

export interface DecodedChat extends DecodedRequest {
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
}

/**
 * Unknown JSON → a request and what it needs of a target, or a failure for the first mistake, with its `param`. Section 2 of
 * the wire contract describes this function.
 */
export function decodeChatRequest(body: JsonValue): Result<DecodedChat> {
  if (!isObject(body)) {
    return fail(
      failure('invalid_type', `The request body must be a JSON object, got ${describeValue(body)}.`),
    );
  }
  const findings = createFindings();
  const place: Place = { object: body, path: '', findings };
  const inMessages: Requirement[] = [];

  const model = decodeModel(place);
  const messages = decodeMessages(place, inMessages);
  const continued = decodeContinued(place, messages);
  const stream = plainField(place, plainFields, 'stream') ?? false;
  const options = decodeStreamOptions(place, stream);
  const maxTokens = decodeMaxTokens(place);
  const temperature = plainField(place, plainFields, 'temperature');
  const topP = plainField(place, plainFields, 'top_p');
  const seed = decodeSeed(place);
  const presencePenalty = plainField(place, plainFields, 'presence_penalty');
  const frequencyPenalty = plainField(place, plainFields, 'frequency_penalty');
  const logitBias = decodeLogitBias(place);
  const logprobs = plainField(place, plainFields, 'logprobs') ?? false;
  const topLogprobs = decodeTopLogprobs(place, logprobs);
  const tools = decodeTools(place);
  const toolChoice = decodeToolChoice(place, tools);
  const parallelToolCalls = plainField(place, plainFields, 'parallel_tool_calls');
  const reasoningEffort = plainField(place, plainFields, 'reasoning_effort');
  checkAdvisoryFields(place);
  checkRareFields(place);

  const known = continued === undefined ? knownHere : knownInContinuation;
  const request: ChatRequest = {
    model,
    messages,
    ...continued,
    stream,
    stop: decodeStop(place),
    n: plainField(place, plainFields, 'n') ?? 1,
    logprobs,
    responseFormat: decodeResponseFormat(place),
    tools,
    ...(options === undefined ? {} : { streamOptions: options.rest }),
    ...maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
    ...(logitBias === undefined ? {} : { logitBias }),
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
    rest: restOf(place, known, uninterpreted) ?? pickMembers(body, []),
  };
  const middle = continued === undefined ? undefined : notInTheMiddle(request);
  if (middle !== undefined) {
    wrongValue(findings, continuationField, `'${continuationField}' does not go together with ${middle}.`);
  }
  const wrong = findings.first();
  if (wrong !== undefined) return fail(wrong);
  const atTop = Object.keys(body).find((key) => !known.has(key) && body[key] !== null);
  const unknown = atTop ?? firstUnknownMember(request);
  const requirements = [...requirementsOf(request, unknown), ...inMessages];
  return ok({ request, requirements, includeUsage: options?.includeUsage ?? false });
}

function decodeModel(place: Place): string {
  // Without a bound: a long name is one that no model has, which is 404.
  const model = plainField(place, plainFields, 'model');
  if (rawField(place, 'model') === undefined) {
    missing(place, 'model', "the id of a model; 'default' always exists, /v1/models lists them");
  } else if (model === '') {
    wrongValue(place.findings, 'model', "'model' is empty. Use 'default', or an id of /v1/models.");
  }
  return model ?? '';
}

/** The newer name wins where both are given, as OpenAI documents it. */
function decodeMaxTokens(place: Place): Pick<ChatRequest, 'maxTokens' | 'maxTokensParam'> {
  const older = tokenLimit(place, 'max_tokens');
  const newer = tokenLimit(place, 'max_completion_tokens');
  if (newer !== undefined) return { maxTokens: newer, maxTokensParam: 'max_completion_tokens' };
  return older === undefined ? {} : { maxTokens: older };
}

/** −1 means no limit, as for llama.cpp and LM Studio. Only this value: 0 and −5 are mistakes. */
function tokenLimit(place: Place, key: 'max_tokens' | 'max_completion_tokens'): number | undefined {
  return rawField(place, key) === -1 ? undefined : plainField(place, plainFields, key);
}

function decodeStreamOptions(
  place: Place,
  stream: boolean,
): { readonly includeUsage: boolean; readonly rest: JsonObject } | undefined {
  const options = objectField(place, 'stream_options');
  if (options === undefined) return undefined;
  if (!stream) {
    wrongValue(place.findings, 'stream_options', "'stream_options' is only allowed with 'stream': true.");
  }
  plainField(options, streamOptionFields, 'include_obfuscation');
  const includeUsage = plainField(options, streamOptionFields, 'include_usage') ?? false;
  return { includeUsage, rest: restOf(options, membersOfStreamOptions) ?? {} };
}

/** An empty string asks for nothing and is left out, also among others. */
function decodeStop(place: Place): string[] {
  const value = rawField(place, 'stop');
  if (value === undefined) return [];
  if (typeof value !== 'string' && !Array.isArray(value)) {
    wrongType(place.findings, 'stop', 'a string or an array of strings', value);
    return [];
  }
  const read = (item: JsonValue, param: string) =>
    stringAt(place.findings, param, item, chatBounds.stopLength);
  const stops =
    typeof value === 'string'
      ? [read(value, 'stop')]
      : listAt(place.findings, 'stop', value, chatBounds.stops, read);
  return (stops ?? []).flatMap((stop) => (stop === undefined || stop === '' ? [] : [stop]));
}

/** Any 64-bit seed is accepted; it is folded into the integers that a double holds exactly. */
function decodeSeed(place: Place): number | undefined {
  const seed = plainField(place, plainFields, 'seed');
  if (seed === undefined) return undefined;
  const range = 2 ** 53;
  const folded = seed % range;
  return folded < 0 ? folded + range : folded;
}

function decodeLogitBias(place: Place): Readonly<Record<string, number>> | undefined {
  const biases = objectField(place, 'logit_bias');
  if (biases === undefined) return undefined;
  const entries = Object.entries(biases.object);
  if (entries.length > chatBounds.biases) {
    return wrongValue(
      place.findings,
      'logit_bias',
      `'logit_bias' may have at most ${chatBounds.biases} entries.`,
    );
  }
  let asks = false;
  for (const [key, value] of entries) {
    const param = `logit_bias.${key}`;
    if (!tokenId.test(key)) {
      return wrongValue(place.findings, param, `'${param}' is no token id: keys are decimal token ids.`);
    }
    const bias = numberAt(place.findings, param, value, -chatBounds.bias, chatBounds.bias);
    if (bias === undefined) return undefined;
    asks ||= bias !== 0;
  }
  // The loop has checked that each value is a number.
  return asks ? (biases.object as Readonly<Record<string, number>>) : undefined;
}

function decodeTopLogprobs(place: Place, logprobs: boolean): number | undefined {
  const count = plainField(place, plainFields, 'top_logprobs');
  if (count !== undefined && count > 0 && !logprobs) {
    wrongValue(place.findings, 'top_logprobs', "'top_logprobs' is only allowed with 'logprobs': true.");
  }
  return count;
}

/** Fields that only advise: every target accepts them, but their types are checked. */
function checkAdvisoryFields(place: Place): void {
  for (const key of advisoryFields) plainField(place, plainFields, key);
  const metadata = objectField(place, 'metadata');
  if (metadata === undefined) return;
  const keys = Object.keys(metadata.object);
  if (keys.length > chatBounds.metadata) {
    wrongValue(place.findings, 'metadata', `'metadata' may have at most ${chatBounds.metadata} entries.`);
  }
  for (const key of keys) stringField(metadata, key, chatBounds.metadataLength);
}

/** Checks only the types of fields that few targets honour: they are passed on as they are, or refused. */
function checkRareFields(place: Place): void {
  listField(place, 'modalities', chatBounds.modalities, (value, path, findings) =>
    stringAt(findings, path, value, chatBounds.modalityLength),
  );
  objectField(place, 'audio');
  objectField(place, 'prediction');
  objectField(place, 'web_search_options');
  listField(place, 'functions', chatBounds.functions, (value, path, findings) =>
    isObject(value) ? value : wrongType(findings, path, 'an object', value),
  );
  const call = rawField(place, 'function_call');
  if (call !== undefined && typeof call !== 'string' && !isObject(call)) {
    wrongType(place.findings, 'function_call', 'a string or an object', call);
  }
}
