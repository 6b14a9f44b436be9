import { type ChatRequest, type Message, partsOf } from '../../domain/chat-request.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { toolHistoryProblem } from '../http/request/tool-history.ts';
import { imageSource } from './conversation.ts';
import type { ClaudeModel } from './models.ts';
import { schemaProblem } from './output-schema.ts';

/**
 * What capabilities cannot say, because it depends on the value: why this model cannot be asked this request, or
 * undefined where it can. Each of these the API answers with 400.
 */
export function refusalOf(request: ChatRequest, model: ClaudeModel): Failure | undefined {
  return (
    samplingProblem(request, model) ??
    stopProblem(request) ??
    schemasProblem(request, model) ??
    contentProblem(request.messages) ??
    toolHistoryProblem(request.messages) ??
    lastTurnProblem(request.messages, model)
  );
}

/** A 1 is the default, and asks for nothing. */
export function binds(value: number | undefined): boolean {
  return value !== undefined && value !== 1;
}

function notTaken(param: string, message: string): Failure {
  return failure('unsupported_parameter', message, { param });
}

function samplingProblem({ temperature, topP }: ChatRequest, model: ClaudeModel): Failure | undefined {
  if (temperature !== undefined && temperature > 1) {
    return notTaken('temperature', `'temperature' must be 0 to 1 for this model, got ${temperature}.`);
  }
  if (model.sampling === 'one' && binds(temperature) && binds(topP)) {
    return notTaken('top_p', "This model takes 'temperature' or 'top_p', not both. Leave one of them out.");
  }
  return undefined;
}

function stopProblem({ stop }: ChatRequest): Failure | undefined {
  const blank = stop.findIndex((text) => text.trim() === '');
  if (blank < 0) return undefined;
  return notTaken(
    stop.length > 1 ? `stop[${blank}]` : 'stop',
    'A stop string of white space alone cannot be honoured by this model.',
  );
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

function contentProblem(messages: readonly Message[]): Failure | undefined {
  for (const [index, message] of messages.entries()) {
    for (const [place, part] of partsOf(message).entries()) {
      if (part.type !== 'image') continue;
      const param = `messages[${index}].content[${place}]`;
      if (message.role !== 'user' && message.role !== 'tool') {
        return notTaken(param, `'${param}' is an image: this model takes images of users and tools only.`);
      }
      if (imageSource(part.url) !== undefined) continue;
      const url = `${param}.image_url.url`;
      const words = `'${url}' must be an http(s) URL, or a base64 data URL of a JPEG, PNG, GIF or WebP.`;
      return failure('invalid_value', words, { param: url });
    }
  }
  return undefined;
}

/** An assistant's message that comes last is to be gone on with: newer models refuse it, older ones its white space. */
function lastTurnProblem(messages: readonly Message[], model: ClaudeModel): Failure | undefined {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || model.lastTurn === 'any') return undefined;
  const param = `messages[${messages.length - 1}]`;
  if (model.lastTurn === 'user') {
    const message = "This model does not go on with an assistant's message: end 'messages' with a user's.";
    return notTaken(param, message);
  }
  const text = partsOf(last).at(-1);
  if (text?.type !== 'text' || !/\s$/.test(text.text) || text.text.trim() === '') return undefined;
  return notTaken(param, `'${param}' comes last and must not end in white space for this model.`);
}
