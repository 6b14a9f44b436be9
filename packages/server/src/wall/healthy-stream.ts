import type { JsonObject } from '../domain/json.ts';
import type { HealthyAnswer } from './healthy-answer.ts';
import type { WallChatRequest } from './wall-chat-request.ts';

/** The frames of an undisturbed stream, by kind. Faults leave out, add, change and reorder them. */
export interface HealthyStream {
  readonly answer: HealthyAnswer;
  readonly roles: readonly string[];
  /** One token each; with several choices they take turns. */
  readonly deltas: readonly string[];
  readonly finishes: readonly string[];
  readonly usage: readonly string[];
  readonly done: string;
}

export const doneFrame = 'data: [DONE]\n\n';

/** JSON as most servers write it: UTF-8, not escaped. */
export function frame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** Has usage only where the request asked for it, as with OpenAI; a fault can add one by {@link usageFrame}. */
export function healthyStream(ask: WallChatRequest, answer: HealthyAnswer): HealthyStream {
  const longest = Math.max(...answer.choices.map(({ tokens }) => tokens.length));
  return {
    answer,
    roles: answer.choices.map(({ index }) => deltaFrame(answer, { role: 'assistant', content: '' }, index)),
    deltas: Array.from({ length: longest }, (_, at) => at).flatMap((at) =>
      answer.choices.flatMap(({ index, tokens }) => {
        const content = tokens[at];
        return content === undefined ? [] : [deltaFrame(answer, { content }, index)];
      }),
    ),
    finishes: answer.choices.map(({ index, finish }) => finishFrame(answer, finish, index)),
    usage: ask.includeUsage ? [usageFrame(answer)] : [],
    done: doneFrame,
  };
}

/** All frames, in the order of a healthy stream. */
export function inOrder(stream: HealthyStream): readonly string[] {
  return [...stream.roles, ...stream.deltas, ...closing(stream)];
}

/** All frames after the last delta. */
export function closing({ finishes, usage, done }: HealthyStream): readonly string[] {
  return [...finishes, ...usage, done];
}

export function chunkOf(
  answer: HealthyAnswer,
  choices: readonly JsonObject[],
  more: JsonObject = {},
): JsonObject {
  const { id, created, model } = answer;
  return { id, object: 'chat.completion.chunk', created, model, choices, ...more };
}

export function deltaFrame(answer: HealthyAnswer, delta: JsonObject, choice = 0): string {
  return frame(chunkOf(answer, [{ index: choice, delta, logprobs: null, finish_reason: null }]));
}

export function finishFrame(answer: HealthyAnswer, reason: string, choice = 0): string {
  return frame(chunkOf(answer, [{ index: choice, delta: {}, logprobs: null, finish_reason: reason }]));
}

export function usageFrame(answer: HealthyAnswer, usage: JsonObject = usageOf(answer)): string {
  return frame(chunkOf(answer, [], { usage }));
}

export function usageOf({ promptTokens, completionTokens }: HealthyAnswer): JsonObject {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** The answer to a request that does not stream. */
export function completionObject(answer: HealthyAnswer): JsonObject {
  const { id, created, model, choices } = answer;
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: choices.map(({ index, tokens, finish }) => ({
      index,
      message: { role: 'assistant', content: tokens.join(''), refusal: null },
      logprobs: null,
      finish_reason: finish,
    })),
    usage: usageOf(answer),
  };
}
