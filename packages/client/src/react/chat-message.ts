import type {
  ChatCompletionMessage,
  ChatCompletionMessageToolCall,
  ChatCompletionSnapshot,
  CompletionUsage,
} from '../types/chat.ts';

/** A message as a page shows it. Each change makes a new object; one that has not changed stays the same object. */
export interface ChatMessage {
  /** Made in the page; stable while an answer streams and after a reload. */
  readonly id: string;
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** The text; of an answer that streams, as far as it has come. */
  readonly content: string;
  /** Parts (text, images, …) in OpenAI's form that are sent in place of `content`. */
  readonly parts?: readonly unknown[] | undefined;
  /** What the model thought before its answer, where it says so. */
  readonly reasoning?: string | undefined;
  readonly refusal?: string | undefined;
  /** The calls of an answer; while it streams, the arguments are a beginning of their JSON. */
  readonly toolCalls?: readonly ChatCompletionMessageToolCall[] | undefined;
  /** Of a message with the role `tool`: the call to which it is the result. */
  readonly toolCallId?: string | undefined;
  /** Why the answer ended: `stop`, `length`, `tool_calls` or `content_filter`. Absent while it streams, and where it was stopped or cut. */
  readonly finishReason?: string | undefined;
  /** True where the answer was stopped or has failed: `content` is its beginning. */
  readonly incomplete?: boolean | undefined;
  readonly usage?: CompletionUsage | undefined;
  /** The id of the completion on the server, for its usage record. */
  readonly completionId?: string | undefined;
  /** Other members of the message as the server sent them (`extra_content`, …): they are sent back with it. */
  readonly rest?: Readonly<Record<string, unknown>> | undefined;
}

/** What {@link ChatMessage} needs to be sent; an id is made, and the role is `user` unless given. */
export type NewMessage = Omit<ChatMessage, 'id' | 'role'> & Partial<Pick<ChatMessage, 'id' | 'role'>>;

/** An answer as far as it has come. What streams on changes the snapshot, and not this. */
export function answerOf(
  id: string,
  { id: completionId, choices, usage }: ChatCompletionSnapshot,
): ChatMessage {
  const [choice] = choices;
  const { role, content, reasoning_content, refusal, tool_calls, ...rest } = choice?.message ?? noMessage;
  return {
    id,
    role,
    content: content ?? '',
    reasoning: reasoning_content,
    refusal: refusal ?? undefined,
    toolCalls: tool_calls?.map((call) => ({ ...call, function: { ...call.function } })),
    finishReason: choice?.finish_reason ?? undefined,
    usage,
    completionId,
    rest,
  };
}

const noMessage: ChatCompletionMessage = { role: 'assistant', content: '', refusal: null };

/** A message in OpenAI's form; undefined for an answer of which nothing came, which no model would take. */
export function toRequestMessage(message: ChatMessage): Record<string, unknown> | undefined {
  const { role, content, parts, reasoning, refusal, incomplete, toolCallId, rest } = message;
  // Arguments that were cut are no JSON, and a call without a result is refused.
  const toolCalls = incomplete ? undefined : message.toolCalls;
  if (role === 'assistant' && !content && !toolCalls && !refusal) return undefined;
  return {
    ...rest,
    role,
    content: parts ?? (toolCalls && !content ? null : content),
    // JSON has no undefined members.
    reasoning_content: reasoning,
    refusal,
    tool_calls: toolCalls,
    tool_call_id: toolCallId,
  };
}
