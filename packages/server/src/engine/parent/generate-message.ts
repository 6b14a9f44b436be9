import { type ChatRequest, type ToolDefinition, toolChoiceOf } from '../../domain/chat-request.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { SamplingDefaults } from '../../domain/sampling-defaults.ts';
import type { UpstreamCall } from '../../upstreams/contract.ts';
import { leastTokens, promptTooLong } from '../between/context-length.ts';
import {
  type AnswerShape,
  type GenerateMessage,
  type ModelInfo,
  mayCall,
  type PromptTool,
  type Sampling,
} from '../between/protocol.ts';
import { type AnswerShapes, type Pending, refusedTogether } from './answer-shape.ts';
import { promptMessages } from './prompt-messages.ts';
import { samplingOf } from './sampling.ts';

export interface GenerateParts {
  readonly info: ModelInfo;
  readonly defaults: SamplingDefaults;
  readonly shapes: AnswerShapes;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
}

/**
 * Makes the message of a request to the child. Refuses here what can be refused without the model: prompts that are too
 * long, unknown token ids, schemas that cannot be enforced. A promise only where a large schema is compiled on a
 * thread.
 */
export function generateMessage(
  call: UpstreamCall,
  { info, defaults, shapes, random, signal }: GenerateParts,
): Pending<Omit<GenerateMessage, 'id'>> {
  const { request, prefix } = call;
  const messages = promptMessages(request);
  if (!messages.ok) return messages;
  const offered = toolChoiceOf(request).type === 'none' ? [] : promptTools(request.tools);
  const content = { messages: messages.value, tools: offered, ...(prefix === undefined ? {} : { prefix }) };
  const least = leastTokens(content, info.longestToken);
  if (least >= info.contextLength) return fail(promptTooLong(info.contextLength, least, false, content));
  const wrong = refusedValues(request, info);
  if (wrong !== undefined) return fail(wrong);
  const withShape = (shape: Result<AnswerShape>): Result<Omit<GenerateMessage, 'id'>> =>
    shape.ok ? ok(messageOf(call, content, shape.value, samplingOf(request, defaults, random))) : shape;
  const shape = shapes.of(request, info.toolSyntax, { keyId: call.keyId, signal });
  return shape instanceof Promise ? shape.then(withShape) : withShape(shape);
}

function messageOf(
  { request, model, keyId, prefix }: UpstreamCall,
  { messages }: Pick<GenerateMessage, 'messages'>,
  shape: AnswerShape,
  sampling: Sampling,
): Omit<GenerateMessage, 'id'> {
  return {
    type: 'generate',
    model,
    keyId,
    messages,
    ...(prefix === undefined || prefix === '' ? {} : { prefix }),
    tools: mayCall(shape) ? promptTools(request.tools) : [],
    sampling,
    ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
    stop: request.stop,
    choices: request.n,
    ...(request.logprobs ? { topLogprobs: request.topLogprobs ?? 0 } : {}),
    shape,
  };
}

function promptTools(tools: readonly ToolDefinition[]): readonly PromptTool[] {
  return tools.map(({ name, description, parameters = {} }) => ({
    name,
    parameters,
    ...(description === undefined ? {} : { description }),
  }));
}

/**
 * The failure of a request that its values alone decide; schemas and lengths take work and are checked by the call.
 */
export function refusedValues(request: ChatRequest, info: ModelInfo): Failure | undefined {
  return (
    tooManyChoices(request) ??
    wrongBias(request, info.vocabularySize) ??
    refusedTogether(request, info.toolSyntax)
  );
}

/** Choices without a free sequence are written one after the other: more choices would keep a place for minutes. */
const mostChoices = 8;

function tooManyChoices({ n }: ChatRequest): Failure | undefined {
  if (n <= mostChoices) return undefined;
  const message = `The local engine writes at most ${mostChoices} choices, got ${n}. Ask several times for more.`;
  return failure('invalid_value', message, { param: 'n' });
}

function wrongBias(request: ChatRequest, vocabularySize: number): Failure | undefined {
  for (const [token, bias] of Object.entries(request.logitBias ?? {})) {
    if (bias === 0 || Number(token) < vocabularySize) continue;
    const message = `This model has ${vocabularySize} tokens; ${token} is the id of none of them.`;
    return failure('invalid_value', message, { param: `logit_bias.${token}` });
  }
  return undefined;
}
