import type { FinishReason } from '@tailrace/protocol';
import { ok } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { JsonObject } from '../../domain/json.ts';
import { type Feature, features } from '../../domain/requirements.ts';
import type { Usage } from '../../domain/usage.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { createAnswerBudget, usableCallId } from './answer/answer-budget.ts';
import { tornArguments, unfinished, unreadable } from './answer/answer-failures.ts';
import type { Dialect, DialectOutput } from './answer/dialect.ts';
import { otherPart, withoutMembers, writeOther } from './answer/other-output.ts';
import { createHttpUpstream, joinPath, type Protocol } from './http-upstream.ts';
import type { CreatedProvider, ProviderOptions } from './provider-transport.ts';
import { factsOfRefusal, failureByStatus, messageOf } from './refusal/refusal.ts';
import { asCount, asObject, asText, parseJson } from './unknown-json.ts';

const finishReasons = new Map<unknown, FinishReason>([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool_calls'],
]);

const namedMembers: ReadonlySet<string> = new Set(['thinking', 'text']);

/**
 * An example adapter for a provider that this server does not support. It shows what a new provider needs. It reads the streams
 * of Cohere's chat API, version 2 (docs.cohere.com/v2/docs/streaming): one choice; texts, thoughts and tool calls each in
 * numbered parts; the usage comes with the finish.
 */
function createCohereDialect(completionId: string, output: DialectOutput): Dialect {
  const writer = createChoiceWriter({ choice: 0 }, output);
  const budget = createAnswerBudget();
  let argumentsLength = 0;
  let reason: FinishReason | undefined;
  let usage: Usage | undefined;

  function readContent(content: JsonObject | undefined): void {
    writer.reasoning(asText(content?.['thinking']));
    writer.text(asText(content?.['text']));
    const rest = content === undefined ? undefined : withoutMembers(content, namedMembers);
    const wrong = rest && writeOther(otherPart(rest), { writer, budget, hidden: [] });
    if (wrong !== undefined) output.fail(wrong);
  }

  function startCall(call: JsonObject | undefined): void {
    const given = usableCallId(asText(call?.['id']));
    const name = asText(asObject(call?.['function'])?.['name']);
    const tooMuch = budget.call() ?? budget.name(name);
    if (tooMuch !== undefined) output.fail(tooMuch);
    argumentsLength = 0;
    writer.startCall({ id: given === '' ? generatedCallId(completionId, 0, writer.calls) : given, name });
    readArguments(call);
  }

  function readArguments(call: JsonObject | undefined): void {
    const text = asText(asObject(call?.['function'])?.['arguments']);
    argumentsLength += text.length;
    const tooMuch = budget.arguments(text.length, argumentsLength);
    if (tooMuch === undefined) writer.arguments(text);
    else output.fail(tooMuch);
  }

  function end(delta: JsonObject | undefined): void {
    const tokens = asObject(asObject(delta?.['usage'])?.['tokens']);
    const promptTokens = asCount(tokens?.['input_tokens']);
    const completionTokens = asCount(tokens?.['output_tokens']);
    if (promptTokens !== undefined && completionTokens !== undefined)
      usage = { promptTokens, completionTokens };
    const given = finishReasons.get(delta?.['finish_reason']);
    if (given === undefined) {
      output.fail(unfinished('an odd finish reason'));
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
      const delta = asObject(event['delta']);
      const message = asObject(delta?.['message']);
      switch (event['type']) {
        case 'content-start':
        case 'content-delta':
          readContent(asObject(message?.['content']));
          return;
        case 'tool-call-start':
          startCall(asObject(message?.['tool_calls']));
          return;
        case 'tool-call-delta':
          if (writer.calls === 0) output.fail(unreadable('arguments before their call'));
          else readArguments(asObject(message?.['tool_calls']));
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
  provider: 'cohere',
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
    return ok({ path: joinPath(baseUrl, '/v2/chat'), body: { model, stream: true, messages } });
  },
  dialect: ({ completionId }, _errors, output) => createCohereDialect(completionId, output),
  refused(refusal, errors) {
    const message = messageOf(asObject(parseJson(refusal.body))?.['message']);
    return failureByStatus(factsOfRefusal(refusal, { message, names: {} }, errors));
  },
};

export async function createCohereUpstream(options: ProviderOptions): Promise<CreatedProvider> {
  return createHttpUpstream(options, chatApi);
}
