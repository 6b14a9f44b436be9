import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { Chat } from '../chat/chat.ts';
import { branchOf } from '../chat/message-tree.ts';
import type { Playground } from '../chat/playground.ts';

/** The element in which a message is typed. */
export const messageId = 'message';

interface ComposerProps {
  /** They get the message together. */
  readonly chats: readonly Chat[];
  /** The answer of one of them runs. */
  readonly running: boolean;
  readonly typed: string;
  readonly playground: Playground;
}

export function Composer({ chats, running, typed, playground }: ComposerProps): ReactNode {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus({ preventScroll: true });
  }, []);
  const [first] = chats;
  // A chat that begins waits for words; one that is opened leaves the focus in the list that it came from.
  useEffect(() => {
    if (first?.state().tree.all.length === 0) field.current?.focus({ preventScroll: true });
  }, [first]);
  const isAsked = chats.some((chat) => {
    const last = branchOf(chat.state().tree).at(-1);
    return last !== undefined && last.role !== 'assistant';
  });
  const canSend = typed.trim() !== '' || isAsked;
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
          id={messageId}
          aria-label="Message"
          placeholder="Message"
          rows={1}
          value={typed}
          onChange={(event) => playground.type(event.target.value)}
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
