import type { ChatRequest } from '../../domain/chat-request.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { notAccepted } from '../http/request/message-parts.ts';
import type { Bounds, Preset } from './preset.ts';

/** The failure for a value above a bound of this preset; undefined where there is none. */
export function refusalOf(request: ChatRequest, { most }: Preset): Failure | undefined {
  if (most === undefined) return undefined;
  return (
    above('temperature', request.temperature, most.temperature) ??
    above('top_logprobs', request.topLogprobs ?? 0, most.topLogprobs) ??
    tooMany('stop', request.stop, most.stops) ??
    tooMany('tools', request.tools, most.tools) ??
    longName(request, most)
  );
}

function above(param: string, value: number | undefined, bound: number | undefined): Failure | undefined {
  if (value === undefined || bound === undefined || value <= bound) return undefined;
  return notAccepted(param, `'${param}' must be at most ${bound} for this model, got ${value}.`);
}

function tooMany(param: string, list: readonly unknown[], bound: number | undefined): Failure | undefined {
  if (bound === undefined || list.length <= bound) return undefined;
  const message = `'${param}' may have at most ${bound} items for this model, got ${list.length}.`;
  return failure('invalid_value', message, { param });
}

function longName(
  { tools, responseFormat: format }: ChatRequest,
  { nameLength }: Bounds,
): Failure | undefined {
  if (nameLength === undefined) return undefined;
  const index = tools.findIndex(({ name }) => name.length > nameLength);
  if (index >= 0) return nameTooLong(`tools[${index}].function.name`, nameLength);
  if (format.type !== 'json_schema' || format.name.length <= nameLength) return undefined;
  return nameTooLong('response_format.json_schema.name', nameLength);
}

function nameTooLong(param: string, bound: number): Failure {
  const message = `'${param}' may have at most ${bound} characters for this model.`;
  return failure('invalid_value', message, { param });
}
