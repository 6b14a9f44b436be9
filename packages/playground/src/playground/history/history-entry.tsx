import { type ReactNode, useState } from 'react';
import { type SavedChat, titleOf } from '../../chat/history/saved-chat.ts';
import { MenuButton } from '../../elements/menu-button.tsx';
import { RunningDot } from '../running-dot.tsx';

interface HistoryEntryProps {
  readonly chat: SavedChat;
  readonly isShown: boolean;
  readonly isRunning: boolean;
  onOpen(): void;
  onRename(title: string): void;
  onExport(): void;
  onDelete(): void;
}

const time = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export function HistoryEntry(props: HistoryEntryProps): ReactNode {
  const { chat, isShown, isRunning, onOpen, onRename, onExport, onDelete } = props;
  const [isRenamed, setIsRenamed] = useState(false);
  const title = titleOf(chat);
  const act = (name: string): void => {
    if (name === 'Rename') setIsRenamed(true);
    if (name === 'Export') onExport();
    if (name === 'Delete') onDelete();
  };
  if (isRenamed) {
    return (
      <li className="history-entry">
        <Renamer
          title={title}
          onDone={(named) => {
            setIsRenamed(false);
            if (named !== undefined) onRename(named);
          }}
        />
      </li>
    );
  }
  return (
    <li className="history-entry">
      <button type="button" className="open" aria-current={isShown ? 'true' : undefined} onClick={onOpen}>
        <span className="name">
          <span dir="auto">{title}</span>
          {isRunning && <RunningDot />}
        </span>
        <span className="hint">
          {time.format(chat.changedMs)} · {chat.draft.model}
        </span>
      </button>
      <MenuButton
        name={`More for ${title}`}
        className="quiet"
        items={['Rename', 'Export', 'Delete'].map((name) => ({ id: name, name }))}
        onChoose={act}
      >
        ⋯
      </MenuButton>
    </li>
  );
}

/** Undefined: the name stays. */
function Renamer({ title, onDone }: { title: string; onDone(named: string | undefined): void }): ReactNode {
  const [named, setNamed] = useState(title);
  return (
    <input
      type="text"
      aria-label="Name of the chat"
      // biome-ignore lint/a11y/noAutofocus: the item of the menu that was chosen asked for this field.
      autoFocus
      value={named}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setNamed(event.target.value)}
      onBlur={() => onDone(named === title ? undefined : named)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onDone(named === title ? undefined : named);
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onDone(undefined);
      }}
    />
  );
}
