import type { ReactNode } from 'react';
import type { Chat } from '../chat/chat.ts';
import type { Playground } from '../chat/playground.ts';
import { RunningDot } from './running-dot.tsx';
import type { Panel } from './toolbar.tsx';

interface ChatActionsProps {
  readonly chats: readonly Chat[];
  readonly running: ReadonlySet<string>;
  readonly panel: Panel | undefined;
  readonly playground: Playground;
  onPanel(panel: Panel): void;
}

/** What can be done with whole chats. */
export function ChatActions({ chats, running, panel, playground, onPanel }: ChatActionsProps): ReactNode {
  const shown = new Set(chats.map(({ id }) => id));
  const runsUnseen = [...running].some((id) => !shown.has(id));
  return (
    <>
      <button
        type="button"
        className="quiet"
        aria-pressed={panel === 'history'}
        onClick={() => onPanel('history')}
      >
        History
        {runsUnseen && <RunningDot />}
      </button>
      <button type="button" className="quiet" onClick={() => playground.newChat()}>
        New chat
      </button>
    </>
  );
}
