import { type ChatRequest, type ContentPart, type Message, partsOf } from '../../domain/chat-request.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { notAccepted, partProblem } from '../http/request/message-parts.ts';
import { toolHistoryProblem } from '../http/request/tool-history.ts';
import { imageSource } from './conversation.ts';
import type { ClaudeModel } from './models.ts';
import { schemaProblem } from './output-schema.ts';

/**
 * The failure for a request that the API refuses with 400 because of a value, though the model honours its features; undefined
 * where it accepts the request.
 */
export function refusalOf(request: ChatRequest, model: ClaudeModel): Failure | undefined {
  return (
    samplingProblem(request, model) ??
    stopProblem(request) ??
    toolNameProblem(request) ??
    schemasProblem(request, model) ??
    partProblem(request.messages, problemOfPart) ??
    toolHistoryProblem(request.messages) ??
    lastTurnProblem(request.messages, model)
  );
}

/** Whether a `temperature` or `top_p` has an effect: 1 is the default. */
export function hasEffect(value: number | undefined): boolean {
  return value !== undefined && value !== 1;
}

function samplingProblem({ temperature, topP }: ChatRequest, model: ClaudeModel): Failure | undefined {
  if (temperature !== undefined && temperature > 1) {
    return notAccepted('temperature', `'temperature' must be 0 to 1 for this model, got ${temperature}.`);
  }
  if (model.sampling === 'one' && hasEffect(temperature) && hasEffect(topP)) {
    return notAccepted(
      'top_p',
      "This model takes 'temperature' or 'top_p', not both. Leave one of them out.",
    );
  }
  return undefined;
}

function stopProblem({ stop }: ChatRequest): Failure | undefined {
  const blank = stop.findIndex((text) => text.trim() === '');
  if (blank < 0) return undefined;
  return notAccepted(
    stop.length > 1 ? `stop[${blank}]` : 'stop',
    'A stop string of white space alone cannot be honoured by this model.',
  );
}

/** The API accepts names of `^[a-zA-Z0-9_-]{1,128}$`. */
const longestName = 128;

function toolNameProblem({ tools }: ChatRequest): Failure | undefined {
  const index = tools.findIndex(({ name }) => name.length > longestName);
  if (index < 0) return undefined;
  const param = `tools[${index}].function.name`;
  const message = `'${param}' may have at most ${longestName} characters for this model.`;
  return failure('invalid_value', message, { param });
}

function schemasProblem({ responseFormat, tools }: ChatRequest, model: ClaudeModel): Failure | undefined {
  if (!model.structuredOutput) return undefined;
  const format =
    responseFormat.type === 'json_schema'
      ? schemaProblem(responseFormat.schema ?? {}, 'response_format.json_schema.schema')
      : undefined;
  if (format !== undefined) return format;
  for (const [index, { strict, parameters = {} }] of tools.entries()) {
    const problem =
      strict === true ? schemaProblem(parameters, `tools[${index}].function.parameters`) : undefined;
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOfPart(part: ContentPart, role: Message['role'], param: string): Failure | undefined {
  if (part.type !== 'image') return undefined;
  if (role !== 'user' && role !== 'tool') {
    return notAccepted(param, `'${param}' is an image: this model takes images of users and tools only.`);
  }
  if (imageSource(part.url) !== undefined) return undefined;
  const url = `${param}.image_url.url`;
  const message = `'${url}' must be an http(s) URL, or a base64 data URL of a JPEG, PNG, GIF or WebP.`;
  return failure('invalid_value', message, { param: url });
}

/**
 * The failure for an assistant's message that comes last, which a model would have to continue. Newer models refuse such a
 * message. Older models refuse it only where it ends in white space.
 */
function lastTurnProblem(messages: readonly Message[], model: ClaudeModel): Failure | undefined {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || model.lastTurn === 'any') return undefined;
  const param = `messages[${messages.length - 1}]`;
  if (model.lastTurn === 'user') {
    const message = "This model does not go on with an assistant's message: end 'messages' with a user's.";
    return notAccepted(param, message);
  }
  const text = partsOf(last).at(-1);
  if (text?.type !== 'text' || !/\s$/.test(text.text) || text.text.trim() === '') return undefined;
  return notAccepted(param, `'${param}' comes last and must not end in white space for this model.`);
}
