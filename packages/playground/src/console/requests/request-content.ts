import { isObject } from '../../api/json.ts';

/** One message, of the prompt or of the answer, as plain text. */
export interface ContentPart {
  readonly role: string;
  readonly text: string;
}

/** What `GET /admin/v1/requests/{id}/content` answers: the messages, and after them the choices. */
export function readContent(body: unknown): readonly ContentPart[] {
  if (!isObject(body)) return [];
  const messages = Array.isArray(body['messages']) ? body['messages'] : [];
  const choices = Array.isArray(body['choices']) ? body['choices'] : [];
  const leftOut = Number(body['messages_left_out'] ?? 0);
  return [
    ...(leftOut > 0
      ? [{ role: 'left out', text: `${leftOut} older ${leftOut === 1 ? 'message' : 'messages'}` }]
      : []),
    ...messages.map((message) => partOf(message, '')),
    ...choices.map((choice) => partOf(isObject(choice) ? choice['message'] : undefined, endOf(choice))),
  ];
}

function partOf(message: unknown, end: string): ContentPart {
  if (!isObject(message)) return { role: 'unknown', text: '' };
  const { role, content, reasoning_content: reasoning, refusal, tool_calls: calls } = message;
  const texts = [reasoning, content, refusal, ...(Array.isArray(calls) ? calls : [])];
  const shown = texts.filter((text) => text !== undefined && text !== null && text !== '');
  return {
    role: `${typeof role === 'string' ? role : 'unknown'}${end}`,
    text: shown
      .map((text) => (typeof text === 'string' ? text : JSON.stringify(text, undefined, 2)))
      .join('\n\n'),
  };
}

function endOf(choice: unknown): string {
  if (!isObject(choice)) return '';
  const { finish_reason: reason, shortened } = choice;
  const ending = typeof reason === 'string' ? `, finished with ${reason}` : ', broke off';
  return shortened === true ? `${ending}, shortened` : ending;
}
