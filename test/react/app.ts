/*
 * The page of the test: a chat as an app would write it, in plain calls. Its address says what it shows: `?hooks=2` has two hooks of one
 * chat, `?view=completion` the other hook, `?key=…&url=…` asks a Tailrace directly.
 */
import { createElement, type ReactNode, StrictMode, useLayoutEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Tailrace } from 'tailrace';
import { type UseChat, useChat, useCompletion } from 'tailrace/react';

/** What a test reads of the page: the number of the frame of each commit, and the calls of the hooks. */
interface Watched {
  frame: number;
  readonly commits: number[];
  readonly calls: string[];
}
const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): Element };
  readonly location: { readonly search: string };
  requestAnimationFrame(draw: () => void): void;
  watched: Watched;
};
const watched: Watched = { frame: 0, commits: [], calls: [] };
page.watched = watched;
const asked = new URLSearchParams(page.location.search);
const baseURL = asked.get('url');
const client =
  baseURL === null
    ? undefined
    : new Tailrace({ baseURL, apiKey: asked.get('key') ?? '', dangerouslyAllowBrowser: true });

function countFrame(): void {
  watched.frame += 1;
  page.requestAnimationFrame(countFrame);
}
page.requestAnimationFrame(countFrame);

function button(name: string, onClick: () => unknown): ReactNode {
  return createElement('button', { key: name, type: 'button', onClick: () => void onClick() }, name);
}

function Chat({ name }: { readonly name: string }): ReactNode {
  const { messages, status, error, send, stop, regenerate }: UseChat = useChat({
    id: 'talk',
    client,
    ...(client ? { body: { model: 'gated' } } : {}),
    onFinish: ({ content }) => watched.calls.push(`${name} finish ${content}`),
    onError: ({ message }) => watched.calls.push(`${name} error ${message}`),
    onReconnect: () => watched.calls.push(`${name} reconnect`),
  });
  useLayoutEffect(() => {
    if (name === 'first') watched.commits.push(watched.frame);
  });
  return createElement(
    'section',
    { 'aria-label': name },
    createElement('output', null, status),
    error && createElement('p', { role: 'alert' }, error.message),
    messages.map(({ id, role, content, incomplete }) =>
      createElement(
        'article',
        { key: id, 'aria-label': role },
        content + (incomplete ? ' (incomplete)' : ''),
      ),
    ),
    button('Send', () => send('Say it.')),
    button('Stop', stop),
    button('Regenerate', () => regenerate()),
  );
}

function Completion(): ReactNode {
  const { completion, status, isComplete, complete } = useCompletion({ id: 'line' });
  return createElement(
    'section',
    { 'aria-label': 'completion' },
    createElement('output', null, isComplete ? 'whole' : status),
    createElement('article', { 'aria-label': 'assistant' }, completion),
    button('Send', () => complete('Complete it.')),
  );
}

function App(): ReactNode {
  const [isShown, show] = useState(true);
  if (asked.get('view') === 'completion') return createElement(Completion);
  return createElement(
    'main',
    null,
    button(isShown ? 'Hide' : 'Show', () => show(!isShown)),
    isShown && createElement(Chat, { name: 'first' }),
    isShown && asked.get('hooks') === '2' && createElement(Chat, { name: 'second' }),
  );
}

createRoot(page.document.getElementById('app')).render(createElement(StrictMode, null, createElement(App)));
