import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { GenerationEvent } from '../between/protocol.ts';
import type { Call, Calls } from './calls.ts';
import type { EngineCounts } from './engine-figures.ts';

interface CallEventsDeps {
  readonly calls: Calls;
  /** Of a model that is loaded. */
  fingerprintOf(model: string): string | undefined;
  readonly figures: EngineCounts;
  /** Called when a choice has finished: the child that has made it works. */
  onServed(): void;
}

/** Writes what the child says of its generations into the streams of their calls. Events of calls that are gone are dropped. */
export function createCallEvents({
  calls,
  figures,
  fingerprintOf,
  onServed,
}: CallEventsDeps): (event: GenerationEvent) => void {
  return (event) => {
    const call = calls.get(event.id);
    if (call === undefined) return;
    switch (event.type) {
      case 'taken':
        calls.taken(call);
        figures.waited(call.takenAt - call.addedAt);
        return;
      case 'started': {
        call.promptTokens = event.promptTokens;
        call.cachedTokens = event.cachedTokens;
        figures.prompt(call.message.model, event.promptTokens, event.cachedTokens);
        const fingerprint = fingerprintOf(call.message.model);
        const { promptTokens, cachedTokens } = event;
        call.stream.push({
          type: 'start',
          promptTokens,
          cachedTokens,
          phases: calls.phases(call),
          ...(fingerprint === undefined ? {} : { fingerprint }),
        });
        return;
      }
      case 'text':
      case 'reasoning':
        call.sampledTokens += event.tokens;
        call.stream.pushText(event);
        return;
      case 'arguments':
        call.bareToolCalls.delete(event.choice);
        call.stream.pushText(event);
        return;
      case 'call':
        endBareToolCall(call, event.choice);
        call.bareToolCalls.set(event.choice, event.index);
        call.stream.push({
          type: 'tool-call-start',
          choice: event.choice,
          index: event.index,
          id: generatedCallId(call.completionId, event.choice, event.index),
          name: event.name,
        });
        return;
      case 'finished':
        onServed();
        finishChoice(call, event);
        return;
      case 'failed':
        call.stream.push({ type: 'failed', failure: event.failure });
        return;
      case 'ended':
        calls.delete(call);
        call.stream.end();
        return;
    }
  };
}

/** The usage of all choices is sent with the finish of the last one. */
function finishChoice(call: Call, event: GenerationEvent & { readonly type: 'finished' }): void {
  call.completionTokens += event.completionTokens;
  call.reasoningTokens += event.reasoningTokens;
  call.unfinished--;
  endBareToolCall(call, event.choice);
  if (call.unfinished === 0) {
    const { promptTokens, completionTokens, cachedTokens, reasoningTokens } = call;
    call.stream.push({
      type: 'usage',
      usage: {
        promptTokens,
        completionTokens,
        cachedTokens,
        ...(reasoningTokens > 0 ? { reasoningTokens } : {}),
      },
    });
  }
  call.stream.push({ type: 'finish', choice: event.choice, reason: event.reason });
}

/** A tool call that ran out of tokens before its arguments is one without arguments. */
function endBareToolCall(call: Call, choice: number): void {
  const index = call.bareToolCalls.get(choice);
  call.bareToolCalls.delete(choice);
  if (index !== undefined) call.stream.pushText({ type: 'arguments', choice, index, text: '{}' });
}
