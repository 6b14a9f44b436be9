import { createElement, type ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { useChat, useCompletion } from 'tailrace/react';
import { expect, test } from 'vitest';

/*
 * A server renders the hooks: it asks for nothing, and what it renders for one visitor is not there for the next.
 */

function Chat({ text }: { readonly text: string }): ReactNode {
  const { messages, status } = useChat({
    id: 'shared',
    initialMessages: [{ id: '1', role: 'user', content: text }],
  });
  const { completion } = useCompletion();
  return createElement('p', null, `${status}:${messages.map(({ content }) => content).join()}:${completion}`);
}

test('a server renders the given messages, of each visitor their own', () => {
  const asked: unknown[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (address) => {
    asked.push(address);
    return new Response();
  };
  try {
    expect(renderToString(createElement(Chat, { text: 'of Ann' }))).toBe('<p>ready:of Ann:</p>');
    expect(renderToString(createElement(Chat, { text: 'of Bob' }))).toBe('<p>ready:of Bob:</p>');
    expect(asked).toEqual([]);
  } finally {
    globalThis.fetch = fetch;
  }
});
