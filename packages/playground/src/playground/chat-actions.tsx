import type { ReactNode } from 'react';
import type { Chat } from '../chat/chat.ts';
import { maxLanes, type Playground } from '../chat/playground.ts';
import { RunningDot } from './running-dot.tsx';
import type { Panel } from './toolbar.tsx';
import './chat-actions.css';

interface ChatActionsProps {
  readonly chats: readonly Chat[];
  /** The one that the toolbar is for. */
  readonly chat: Chat;
  readonly running: ReadonlySet<string>;
  readonly panel: Panel | undefined;
  readonly playground: Playground;
  onPanel(panel: Panel): void;
  onShare(): void;
}

/** What can be done with whole chats. */
export function ChatActions(props: ChatActionsProps): ReactNode {
  const { chats, chat, running, panel, playground, onPanel, onShare } = props;
  const shown = new Set(chats.map(({ id }) => id));
  const runsUnseen = [...running].some((id) => !shown.has(id));
  const isComparing = chats.length > 1;
  const isFull = chats.length >= maxLanes || chats.some(({ id }) => running.has(id));
  return (
    <>
      <button
        type="button"
        className="quiet"
        aria-pressed={isComparing}
        disabled={!isComparing && isFull}
        onClick={() => (isComparing ? playground.chooseLane(chat.id) : playground.addLane())}
      >
        Compare
      </button>
      {isComparing && (
        <button type="button" className="quiet" disabled={isFull} onClick={() => playground.addLane()}>
          Add lane
        </button>
      )}
      <button
        type="button"
        className="quiet"
        aria-pressed={panel === 'history'}
        onClick={() => onPanel('history')}
      >
        History
        {runsUnseen && <RunningDot />}
      </button>
      <button
        type="button"
        className="quiet"
        aria-haspopup="dialog"
        disabled={isComparing}
        title={isComparing ? 'Choose one of the chats first' : undefined}
        onClick={onShare}
      >
        Share
      </button>
      <button type="button" className="quiet" onClick={() => playground.newChat()}>
        New chat
      </button>
    </>
  );
}
