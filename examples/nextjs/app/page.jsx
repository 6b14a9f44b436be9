'use client';

import { useState } from 'react';
import { useChat } from 'tailrace/react';

export default function Page() {
  // One id a chat: after a reload its answer is read on.
  const { messages, status, error, send, stop } = useChat({ api: '/api/chat', id: 'example' });
  const [question, setQuestion] = useState('Why do rivers bend?');
  const busy = status === 'submitted' || status === 'streaming';
  return (
    <main>
      {messages.map(({ id, role, content }) => (
        <p key={id} data-role={role}>
          {content}
        </p>
      ))}
      {error && <p role="alert">{error.message}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send(question);
          setQuestion('');
        }}
      >
        <input aria-label="Question" value={question} onChange={(event) => setQuestion(event.target.value)} />
        <button type="submit" disabled={busy}>
          Ask
        </button>
        <button type="button" disabled={!busy} onClick={stop}>
          Stop
        </button>
      </form>
    </main>
  );
}
