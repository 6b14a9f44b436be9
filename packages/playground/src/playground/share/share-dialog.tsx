import { type ReactNode, useEffect, useState } from 'react';
import type { Chat } from '../../chat/chat.ts';
import { draftOf } from '../../chat/chat-state.ts';
import { chatFile } from '../../chat/history/chat-file.ts';
import { maxLinkLength, shareFragment } from '../../chat/share/share-link.ts';
import { CopyButton } from '../../elements/copy-button.tsx';
import { count } from '../../elements/format.ts';
import { Modal } from '../../elements/modal.tsx';
import { saveFile } from '../../elements/save-file.ts';
import './share.css';

interface ShareDialogProps {
  readonly chat: Chat;
  onClose(): void;
}

/** An address that holds the chat itself. */
export function ShareDialog({ chat, onClose }: ShareDialogProps): ReactNode {
  const [fragment, setFragment] = useState<string>();
  useEffect(() => {
    let isNow = true;
    void shareFragment(chat.state()).then((made) => isNow && setFragment(made));
    return () => {
      isNow = false;
    };
  }, [chat]);
  const isTooLong = fragment !== undefined && fragment.length > maxLinkLength;
  const link = `${window.location.origin}${window.location.pathname}${fragment ?? ''}`;
  const exportChat = (): void => {
    const draft = draftOf(chat.state());
    const file = chatFile([{ id: chat.id, changedMs: Date.now(), draft }]);
    saveFile('tailrace-chat.json', 'application/json', file);
  };
  return (
    <Modal name="Share" onClose={onClose}>
      {isTooLong ? (
        <div className="share" role="alert">
          <p>
            This chat is too long for a link: it would have {count(fragment.length)} characters, and{' '}
            {count(maxLinkLength)} are what most programs let through. Export it as a file, which History
            imports.
          </p>
          <div className="row">
            <button type="button" className="primary" onClick={exportChat}>
              Export
            </button>
          </div>
        </div>
      ) : (
        <div className="share" aria-busy={fragment === undefined}>
          <p>
            The link holds the chat itself: the messages that are shown, the system prompt, the model and its
            settings. Whoever has the link can read them. No key is in it, and no server gets what stands
            behind #.
          </p>
          {fragment !== undefined && (
            <>
              <textarea
                aria-label="Link"
                readOnly
                rows={4}
                value={link}
                onFocus={(event) => event.target.select()}
              />
              <div className="row">
                <CopyButton text={link} label="Copy link" />
                <span className="hint">{count(link.length)} characters</span>
              </div>
            </>
          )}
        </div>
      )}
    </Modal>
  );
}
