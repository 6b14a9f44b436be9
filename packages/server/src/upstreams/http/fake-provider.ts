import type { FinishReason } from '@tailrace/protocol';
import { failure, ok } from '../../domain/failure.ts';
import { madeCallId } from '../../domain/made-call-id.ts';
import { type Feature, features } from '../../domain/requirements.ts';
import type { Usage } from '../../domain/usage.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { createAnswerBudget, usableCallId } from './answer/answer-budget.ts';
import { tornArguments, unreadable } from './answer/answer-failures.ts';
import type { Dialect, DialectOutput } from './answer/dialect.ts';
import { createHttpUpstream, type Protocol, pathBehind } from './http-upstream.ts';
import type { CreatedProvider, ProviderOptions } from './provider-transport.ts';
import { failureByStatus, messageOf, retryAfterMs } from './refusal/refusal.ts';
import { refusalCause } from './refusal/refusal-cause.ts';
import { asCount, asRecord, asText, parseJson } from './unknown-json.ts';

type Fields = Readonly<Record<string, unknown>>;

const finishReasons = new Map<unknown, FinishReason>([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool_calls'],
]);

/**
 * A provider that this server does not have, to show what one takes: the streams of Cohere's chat API, version 2
 * (docs.cohere.com/v2/docs/streaming). One choice; texts, thoughts and tool calls each in numbered parts; the usage comes
 * with the finish.
 */
function createCohereDialect(completionId: string, output: DialectOutput): Dialect {
  const writer = createChoiceWriter({ choice: 0 }, (event) => output.emit(event));
  const budget = createAnswerBudget();
  let argumentsLength = 0;
  let reason: FinishReason | undefined;
  let usage: Usage | undefined;

  function readContent(content: Fields | undefined): void {
    writer.reasoning(asText(content?.['thinking']));
    writer.text(asText(content?.['text']));
  }

  function startCall(call: Fields | undefined): void {
    const given = usableCallId(asText(call?.['id']));
    const name = asText(asRecord(call?.['function'])?.['name']);
    const tooMuch = budget.call() ?? budget.name(name);
    if (tooMuch !== undefined) output.fail(tooMuch);
    argumentsLength = 0;
    writer.startCall({ id: given === '' ? madeCallId(completionId, 0, writer.calls) : given, name });
    readArguments(call);
  }

  function readArguments(call: Fields | undefined): void {
    const text = asText(asRecord(call?.['function'])?.['arguments']);
    argumentsLength += text.length;
    const tooMuch = budget.arguments(text.length, argumentsLength);
    if (tooMuch === undefined) writer.arguments(text);
    else output.fail(tooMuch);
  }

  function end(delta: Fields | undefined): void {
    const tokens = asRecord(asRecord(delta?.['usage'])?.['tokens']);
    const promptTokens = asCount(tokens?.['input_tokens']);
    const completionTokens = asCount(tokens?.['output_tokens']);
    if (promptTokens !== undefined && completionTokens !== undefined)
      usage = { promptTokens, completionTokens };
    const given = finishReasons.get(delta?.['finish_reason']);
    if (given === undefined) {
      output.fail(failure('upstream_cut', 'The upstream stopped without having finished its answer.'));
      return;
    }
    const finished = writer.finish(given);
    if ('reason' in finished) reason = finished.reason;
    else output.fail(tornArguments(finished.tornCall));
  }

  return {
    mayCarryOutput: (evidence) => /content|tool_calls/.test(evidence),
    get state() {
      return reason === undefined ? 'open' : 'settled';
    },
    read(event) {
      const delta = asRecord(event['delta']);
      const message = asRecord(delta?.['message']);
      switch (event['type']) {
        case 'content-start':
        case 'content-delta':
          readContent(asRecord(message?.['content']));
          return;
        case 'tool-call-start':
          startCall(asRecord(message?.['tool_calls']));
          return;
        case 'tool-call-delta':
          if (writer.calls === 0) output.fail(unreadable('arguments in front of their call'));
          else readArguments(asRecord(message?.['tool_calls']));
          return;
        case 'message-end':
          end(delta);
      }
    },
    finish() {
      if (usage !== undefined) output.emit({ type: 'usage', usage });
      output.emit({ type: 'finish', choice: 0, reason: reason ?? 'stop' });
    },
  };
}

const capabilities = new Set<Feature>(features.filter((feature) => feature !== 'n'));

const chatApi: Protocol = {
  defaultUrl: 'https://api.cohere.com',
  headers: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
  capabilities: () => capabilities,
  contextLength: () => undefined,
  takeover: () => undefined,
  refuses: () => undefined,
  request({ request, model }, baseUrl) {
    const messages = request.messages.map(({ role, content }) => ({
      role,
      content: JSON.stringify(content),
    }));
    return ok({ path: pathBehind(baseUrl, '/v2/chat'), body: { model, stream: true, messages } });
  },
  dialect: ({ completionId }, _errors, output) => createCohereDialect(completionId, output),
  refused({ status, headers, body }, context) {
    const message = messageOf(asRecord(parseJson(body))?.['message']);
    const cause = refusalCause(`status ${status}`, {}, message);
    return failureByStatus({
      status,
      message,
      cause,
      retryAfterMs: retryAfterMs(headers, context.nowMs),
      context,
    });
  },
};

export async function createCohereUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  return createHttpUpstream(options, chatApi);
}
