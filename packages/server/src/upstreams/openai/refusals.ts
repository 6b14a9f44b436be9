import type { ChatRequest } from '../../domain/chat-request.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import type { Preset } from './preset.ts';

/** Why this preset cannot be asked a request of whose every feature it is capable: a number above its own bound. */
export function refusalOf(request: ChatRequest, { most }: Preset): Failure | undefined {
  return (
    above('temperature', request.temperature, most?.temperature) ??
    above('top_logprobs', request.topLogprobs ?? 0, most?.topLogprobs)
  );
}

function above(param: string, value: number | undefined, bound: number | undefined): Failure | undefined {
  if (value === undefined || bound === undefined || value <= bound) return undefined;
  const message = `'${param}' must be at most ${bound} for this model, got ${value}.`;
  return failure('unsupported_parameter', message, { param });
}
