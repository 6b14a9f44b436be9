import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { ChatState } from '../chat/chat-state.ts';
import { branchOf } from '../chat/message-tree.ts';
import type { Playground } from '../chat/playground.ts';

/** The element in which a message is typed. */
export const messageId = 'message';

interface ComposerProps {
  readonly state: ChatState;
  readonly typed: string;
  readonly playground: Playground;
}

export function Composer({ state, typed, playground }: ComposerProps): ReactNode {
  const { running, tree } = state;
  const last = branchOf(tree).at(-1);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  const canSend = typed.trim() !== '' || (last !== undefined && last.role !== 'assistant');
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
