import { type ChatRequest, type ContentPart, type Message, partsOf } from '../../domain/chat-request.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { PromptMessage } from '../between/protocol.ts';

/**
 * The messages in the form of chat templates: `developer` becomes `system`, parts become one text. Fails with
 * `unsupported_parameter` for parts that are not text; the engine's capabilities keep such requests away.
 */
export function promptMessages(request: ChatRequest): Result<readonly PromptMessage[]> {
  const messages: PromptMessage[] = [];
  for (const [index, message] of request.messages.entries()) {
    const texts: string[] = [];
    for (const [part, content] of partsOf(message).entries()) {
      const text = textOf(content);
      if (text === undefined) {
        const param = `messages[${index}].content[${part}]`;
        const wanted = `The local engine reads text only; this part is of type ${content.type}.`;
        return fail(failure('unsupported_parameter', wanted, { param }));
      }
      texts.push(text);
    }
    messages.push(promptMessage(message, texts.join('\n')));
  }
  return ok(messages);
}

function promptMessage(message: Message, content: string): PromptMessage {
  const name = 'name' in message && message.name !== undefined ? { name: message.name } : {};
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content, ...name };
    case 'user':
      return { role: 'user', content, ...name };
    case 'tool':
      return { role: 'tool', content, toolCallId: message.toolCallId };
    case 'assistant': {
      const calls = message.toolCalls.map((call) => ({
        id: call.id,
        name: call.name,
        arguments: call.arguments,
      }));
      return { role: 'assistant', content, ...name, ...(calls.length > 0 ? { toolCalls: calls } : {}) };
    }
  }
}

function textOf(part: ContentPart): string | undefined {
  if (part.type === 'text') return part.text;
  if (part.type === 'refusal') return part.refusal;
  return undefined;
}
