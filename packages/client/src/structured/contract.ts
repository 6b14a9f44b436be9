import type { ChatStream } from '../stream/contract.ts';
import type {
  ChatCompletion,
  ChatCompletionChoice,
  ChatCompletionMessage,
  ChatCompletionMessageToolCall,
} from '../types/chat.ts';

/** A value that is still coming: members and items may be missing. */
export type DeepPartial<Value> = Value extends readonly (infer Item)[]
  ? DeepPartial<Item>[]
  : Value extends object
    ? { [Name in keyof Value]?: DeepPartial<Value[Name]> }
    : Value;

/** OpenAI's shape of a completion whose JSON was read. */
export interface ParsedChatCompletion<Output> extends Omit<ChatCompletion, 'choices'> {
  choices: ParsedChoice<Output>[];
}

export interface ParsedChoice<Output> extends Omit<ChatCompletionChoice, 'message'> {
  message: ParsedMessage<Output>;
}

export interface ParsedMessage<Output> extends Omit<ChatCompletionMessage, 'tool_calls'> {
  /** Null where the model refused, where it called tools, and where no JSON was asked for. */
  parsed: Output | null;
  tool_calls?: ParsedToolCall[];
}

export interface ParsedToolCall extends ChatCompletionMessageToolCall {
  function: ChatCompletionMessageToolCall['function'] & {
    /** Only of tools that are `strict`. */
    parsed_arguments?: unknown;
  };
}

/** A stream of `chat.completions.stream()` that was asked for a JSON Schema: the JSON of its answer is read. */
export interface ParsedChatStream<Output> extends ChatStream {
  finalCompletion(): Promise<ParsedChatCompletion<Output>>;
  finalChatCompletion(): Promise<ParsedChatCompletion<Output>>;
  finalMessage(): Promise<ParsedMessage<Output>>;
}

/** The JSON of choice 0 while it comes. */
export interface PartialOutput<Output> extends AsyncIterable<DeepPartial<Output>> {
  /**
   * The value, whole and validated. Rejects with the stream's error, with a `StructuredOutputError` where the text is no JSON or not
   * what the schema wants, with a `LengthFinishReasonError` where it was cut by the limit of tokens, and with a
   * `ContentFilterFinishReasonError`; null where the model refused.
   */
  final(): Promise<Output | null>;
}
