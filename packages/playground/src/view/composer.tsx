import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { PageState } from '../chat/chat-state.ts';
import type { Playground } from '../chat/playground.ts';

export function Composer({ state, playground }: { state: PageState; playground: Playground }): ReactNode {
  const { typed, running, messages } = state;
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  const canSend = typed.trim() !== '' || messages.at(-1)?.role === 'user';
  const onKeyDown = (event: KeyboardEvent): void => {
    // An input method uses Enter to take its word.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Escape' && running) playground.stop();
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    if (!running) playground.send();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        playground.send();
      }}
    >
      <div className="column">
        <textarea
          ref={field}
          aria-label="Message"
          placeholder="Message"
          rows={1}
          value={typed}
          onChange={(event) => playground.set({ typed: event.target.value })}
          onKeyDown={onKeyDown}
        />
        {running ? (
          <button type="button" className="stop" onClick={() => playground.stop()}>
            Stop
          </button>
        ) : (
          <button type="submit" className="primary" disabled={!canSend}>
            Send
          </button>
        )}
      </div>
    </form>
  );
}
