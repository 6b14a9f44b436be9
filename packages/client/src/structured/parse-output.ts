import type { ChatCompletion, ChatCompletionCreateParamsBase } from '../types/chat.ts';
import type { ParsedChatCompletion } from './contract.ts';
import { validatorOf } from './response-format.ts';
import type { StandardSchema } from './standard-schema.ts';
import {
  ContentFilterFinishReasonError,
  LengthFinishReasonError,
  StructuredOutputError,
} from './structured-output-error.ts';

/** The value of a JSON text, validated where there is a schema. Rejects with a {@link StructuredOutputError}. */
export async function parseOutput<Output = unknown>(
  text: string,
  schema?: StandardSchema<unknown, Output>,
): Promise<Output> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StructuredOutputError([{ message: String(cause) }], text, { cause });
  }
  // Without a schema the caller says what the value is.
  if (schema === undefined) return value as Output;
  const result = await schema['~standard'].validate(value);
  if (result.issues !== undefined) throw new StructuredOutputError(result.issues, text);
  return result.value;
}

/** The parser that `zodResponseFormat` and `zodFunction` of `openai/helpers/zod` put on what they return. */
export function openaiParser(made: unknown): ((text: string) => unknown) | undefined {
  return (made as { $parseRaw?: (text: string) => unknown } | null | undefined)?.$parseRaw;
}

/** The completion with the value of each message, and of the arguments of strict tools. */
export async function parseCompletion<Output>(
  completion: ChatCompletion,
  { response_format: format, tools = [] }: Pick<ChatCompletionCreateParamsBase, 'response_format' | 'tools'>,
): Promise<ParsedChatCompletion<Output>> {
  const schema = validatorOf(format) as StandardSchema<unknown, Output> | undefined;
  const isParsed = format?.type === 'json_schema' || format?.type === 'json_object';
  const read = openaiParser(format);
  const strict = new Map(
    tools
      .filter((tool) => tool.function.strict)
      .map((tool) => [tool.function.name, openaiParser(tool) ?? JSON.parse]),
  );
  const choices = completion.choices.map(async (choice) => {
    const { message, finish_reason: reason } = choice;
    const { content, refusal, tool_calls: calls } = message;
    if ((isParsed || calls?.length) && reason === 'length') throw new LengthFinishReasonError(completion);
    if (isParsed && reason === 'content_filter') throw new ContentFilterFinishReasonError(completion);
    const value = async (text: string) => (read ? (read(text) as Output) : parseOutput(text, schema));
    const parsed = isParsed && content && !refusal ? await value(content) : null;
    const parsedCalls = calls?.map((call) => ({
      ...call,
      function: {
        ...call.function,
        ...(strict.has(call.function.name)
          ? { parsed_arguments: strict.get(call.function.name)?.(call.function.arguments) }
          : {}),
      },
    }));
    return { ...choice, message: { ...message, ...(parsedCalls && { tool_calls: parsedCalls }), parsed } };
  });
  const parsed = { ...completion, choices: await Promise.all(choices) };
  return Object.defineProperty(parsed, '_request_id', { value: completion._request_id });
}
