import type { KeyboardEvent, ReactNode } from 'react';
import { flushSync } from 'react-dom';
import type { Chat } from '../chat/chat.ts';
import { alternativesTo } from '../chat/message-tree.ts';
import './version-switch.css';

interface VersionSwitchProps {
  readonly chat: Chat;
  readonly messageId: string;
  /** The place of this version among all, from 0 on. */
  readonly at: number;
  readonly count: number;
  readonly isLocked: boolean;
}

/** The way between the versions of a message: each leads to the branch that goes through it. */
export function VersionSwitch({ chat, messageId, at, count, isLocked }: VersionSwitchProps): ReactNode {
  const show = (to: number, side: Side): void => {
    const version = alternativesTo(chat.state().tree, messageId)[to];
    if (version === undefined || isLocked) return;
    // The message that is shown then has a switch of its own, which takes the focus over.
    flushSync(() => chat.show(version.id));
    document.getElementById(buttonId(chat, version.id, side))?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowLeft') show(at - 1, 'previous');
    if (event.key === 'ArrowRight') show(at + 1, 'next');
  };
  const button = (side: Side, to: number, sign: string): ReactNode => (
    <button
      id={buttonId(chat, messageId, side)}
      type="button"
      className="quiet"
      aria-label={side === 'previous' ? 'Previous version' : 'Next version'}
      // Not `disabled`, which would lose the focus at the first and the last version.
      aria-disabled={isLocked || to < 0 || to >= count}
      onClick={() => show(to, side)}
      onKeyDown={onKeyDown}
    >
      {sign}
    </button>
  );
  return (
    <fieldset className="versions" aria-label={`Version ${at + 1} of ${count}`}>
      {button('previous', at - 1, '‹')}
      <span>
        {at + 1} / {count}
      </span>
      {button('next', at + 1, '›')}
    </fieldset>
  );
}

type Side = 'previous' | 'next';

/** Two chats beside each other may hold the same messages. */
function buttonId(chat: Chat, messageId: string, side: Side): string {
  return `${side}-${chat.id}-${messageId}`;
}
