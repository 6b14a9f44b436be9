/*
 * The messages of the AI SDK's `useChat` (version 5 and later) in OpenAI's form. Such a message has `parts`: text, thoughts,
 * files, sources, and the calls of tools with what they gave. Thoughts, sources and steps are what the page shows of an answer;
 * the model does not want them back.
 */

interface UiMessage {
  readonly role: unknown;
  readonly parts: readonly unknown[];
}

interface Part {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** Whether a message has the form of the AI SDK. */
export function isUiMessage(message: object): message is UiMessage {
  return 'role' in message && 'parts' in message && Array.isArray(message.parts);
}

/** One message, and after a step with calls one more for each result and for the text that follows. */
export function messagesOfUi({ role, parts }: UiMessage): unknown[] {
  const known = parts.filter(isPart);
  if (role === 'assistant') return assistantMessages(known);
  const content = known.flatMap((part) => contentPart(part));
  const texts = content.filter((part) => part.type === 'text');
  // A text alone is a string: every server takes that.
  if (texts.length === content.length) return [{ role, content: texts.map(({ text }) => text).join('') }];
  return [{ role, content }];
}

function isPart(part: unknown): part is Part {
  return typeof part === 'object' && part !== null && 'type' in part && typeof part.type === 'string';
}

type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: unknown } }
  | { readonly type: 'file'; readonly file: { readonly filename?: unknown; readonly file_data: unknown } };

function contentPart(part: Part): ContentPart[] {
  if (part.type === 'text' && typeof part['text'] === 'string') return [{ type: 'text', text: part['text'] }];
  if (part.type !== 'file') return [];
  const { mediaType, url, filename } = part;
  if (typeof mediaType === 'string' && mediaType.startsWith('image/')) {
    return [{ type: 'image_url', image_url: { url } }];
  }
  return [{ type: 'file', file: { ...(filename === undefined ? {} : { filename }), file_data: url } }];
}

/** Calls come before their results, and the text after the results is a message of its own. */
function assistantMessages(parts: readonly Part[]): unknown[] {
  const messages: unknown[] = [];
  let text = '';
  let calls: unknown[] = [];
  let results: unknown[] = [];
  const close = (): void => {
    if (text !== '' || calls.length > 0) {
      const content = text === '' ? null : text;
      messages.push({ role: 'assistant', content, ...(calls.length > 0 ? { tool_calls: calls } : {}) });
    }
    messages.push(...results);
    text = '';
    calls = [];
    results = [];
  };
  for (const part of parts) {
    if (part.type === 'text' && typeof part['text'] === 'string') {
      if (calls.length > 0) close();
      text += part['text'];
      continue;
    }
    if (part.type === 'step-start') {
      close();
      continue;
    }
    const name = toolName(part);
    const content = toolContent(part);
    // A call without a result was broken off: a server refuses a call that nothing answers.
    if (name === undefined || content === undefined) continue;
    const id = part['toolCallId'];
    calls.push({ id, type: 'function', function: { name, arguments: JSON.stringify(part['input'] ?? {}) } });
    results.push({ role: 'tool', tool_call_id: id, content });
  }
  close();
  return messages;
}

function toolName(part: Part): string | undefined {
  if (part.type === 'dynamic-tool')
    return typeof part['toolName'] === 'string' ? part['toolName'] : undefined;
  return part.type.startsWith('tool-') ? part.type.slice('tool-'.length) : undefined;
}

function toolContent({ state, output, errorText }: Part): string | undefined {
  if (state === 'output-error') return String(errorText);
  if (state !== 'output-available') return undefined;
  return typeof output === 'string' ? output : JSON.stringify(output ?? null);
}
