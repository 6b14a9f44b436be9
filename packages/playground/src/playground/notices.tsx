import type { ReactNode } from 'react';
import type { History } from '../chat/history/history.ts';
import { useWatched } from '../signals/use-watched.ts';
import './notices.css';

interface NoticesProps {
  readonly notice: string | undefined;
  readonly history: History;
  onDismiss(): void;
}

/** Lines above a chat: where it came from, and that the browser cannot keep it. */
export function Notices({ notice, history, onDismiss }: NoticesProps): ReactNode {
  const { failure } = useWatched(history);
  return (
    <>
      {failure !== undefined && (
        <p className="notice bad" role="alert">
          {failure === 'full'
            ? 'This browser has no room left: the last change is not in its history. Export chats, and delete some.'
            : 'This browser keeps no history: a chat ends with this tab.'}
        </p>
      )}
      {notice !== undefined && (
        <p className="notice" role="status">
          {notice}
          <button type="button" className="quiet" onClick={onDismiss}>
            Dismiss
          </button>
        </p>
      )}
    </>
  );
}
