import type { ChatRequest } from '../domain/chat-request.ts';
import type { Attributes, Span } from '../telemetry/traces/contract.ts';
import type { Candidate } from './attempt-plan.ts';
import type { AttemptRecord } from './open-attempts.ts';

/*
 * The span of one attempt, by OpenTelemetry's conventions for calls of models (semantic conventions for generative AI, which are
 * still in development): one client span for each target that is asked, also for one that loses a race. No text of the request
 * or the answer is in it.
 */

/** `mode`: why the target is asked. */
export function startAttemptSpan(
  requestSpan: Span,
  candidate: Candidate,
  mode: AttemptRecord['mode'],
  request: ChatRequest,
): Span {
  const { target, model } = candidate;
  const { provider } = target.upstream;
  return requestSpan.child({
    name: `chat ${target.model}`,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': provider?.name ?? 'tailrace',
      'gen_ai.request.model': target.model,
      'server.address': provider?.address,
      'server.port': provider?.port,
      ...(requestSpan.sampled ? askedOf(request) : {}),
      'tailrace.model': model.id,
      'tailrace.target': target.name,
      'tailrace.attempt.mode': mode,
    },
  });
}

function askedOf(request: ChatRequest): Attributes {
  const { n, responseFormat } = request;
  return {
    'gen_ai.request.stream': request.stream ? true : undefined,
    'gen_ai.request.choice.count': n === 1 ? undefined : n,
    'gen_ai.request.max_tokens': request.maxTokens,
    'gen_ai.request.temperature': fraction(request.temperature),
    'gen_ai.request.top_p': fraction(request.topP),
    'gen_ai.request.frequency_penalty': fraction(request.frequencyPenalty),
    'gen_ai.request.presence_penalty': fraction(request.presencePenalty),
    'gen_ai.request.seed': request.seed,
    'gen_ai.request.reasoning.level': request.reasoningEffort,
    'gen_ai.output.type': responseFormat.type === 'text' ? undefined : 'json',
  };
}

/** The attempt delivers the first of its answer; `afterMs` after its call. */
export function noteFirstChunk(span: Span, afterMs: number): void {
  span.set({ 'gen_ai.response.time_to_first_chunk': { fraction: afterMs / 1_000 } });
}

/** Ends the span with what the record of the attempt says. A hedge that lost, or was stopped with its request, has not failed. */
export function endAttemptSpan(span: Span, record: AttemptRecord, finishReasons: readonly string[]): void {
  const { usage, outcome, failure } = record;
  span.set({
    'gen_ai.response.finish_reasons': finishReasons.length === 0 ? undefined : finishReasons,
    'gen_ai.usage.input_tokens': usage?.promptTokens,
    'gen_ai.usage.output_tokens': usage?.completionTokens,
    'gen_ai.usage.cache_read.input_tokens': usage?.cachedTokens,
    'gen_ai.usage.cache_write.input_tokens': usage?.cacheWriteTokens,
    'gen_ai.usage.reasoning.output_tokens': usage?.reasoningTokens,
    'tailrace.usage.estimated': usage?.estimated,
    'tailrace.attempt.outcome': outcome,
  });
  if (outcome === 'failed') span.fail(failure?.code ?? '_OTHER');
  span.end();
}

function fraction(value: number | undefined): Attributes[string] {
  return value === undefined ? undefined : { fraction: value };
}
