// Reads a response for `useChat` as the AI SDK's page does. The packages of this folder are there only while the tests run, so
// the test cannot import them by itself.

import { DefaultChatTransport, readUIMessageStream } from 'ai';

/**
 * The message as the page has it at the end, and the errors of the reader.
 *
 * @param {Response} response
 * @returns {Promise<{ message: { id: string, role: string, metadata?: unknown, parts: object[] } | undefined, errors: string[] }>}
 */
export async function readUIMessages(response) {
  const transport = new DefaultChatTransport({ api: 'http://app/api/chat', fetch: async () => response });
  const stream = await transport.sendMessages({
    trigger: 'submit-message',
    chatId: 'c',
    messageId: undefined,
    messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
    abortSignal: undefined,
  });
  const errors = [];
  let message;
  const onError = (error) => errors.push(String(error));
  for await (const state of readUIMessageStream({ stream, onError })) message = state;
  return { message, errors };
}
