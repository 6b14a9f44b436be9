import type { ChatRequest } from '../../domain/chat-request.ts';
import type { Failure } from '../../domain/failure.ts';
import { notAccepted } from '../http/request/message-parts.ts';
import type { Preset } from './preset.ts';

/** The failure for a number above the bound of this preset; undefined where there is none. */
export function refusalOf(request: ChatRequest, { most }: Preset): Failure | undefined {
  return (
    above('temperature', request.temperature, most?.temperature) ??
    above('top_logprobs', request.topLogprobs ?? 0, most?.topLogprobs)
  );
}

function above(param: string, value: number | undefined, bound: number | undefined): Failure | undefined {
  if (value === undefined || bound === undefined || value <= bound) return undefined;
  return notAccepted(param, `'${param}' must be at most ${bound} for this model, got ${value}.`);
}
