import { type ChangeEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { randomId } from '../../api/random-id.ts';
import { chatFile, maxFileBytes, newOnes, readChatFile } from '../../chat/history/chat-file.ts';
import type { History } from '../../chat/history/history.ts';
import { byDate, dayOf, having, type SavedChat, titleOf } from '../../chat/history/saved-chat.ts';
import type { Playground } from '../../chat/playground.ts';
import { PanelFrame } from '../../elements/panel-frame.tsx';
import { saveFile } from '../../elements/save-file.ts';
import { useWatched } from '../../signals/use-watched.ts';
import { HistoryEntry } from './history-entry.tsx';
import './history.css';

interface HistoryPanelProps {
  readonly history: History;
  readonly playground: Playground;
  /** Ids of the chats that are shown, and of those whose answers run. */
  readonly shown: readonly string[];
  readonly running: ReadonlySet<string>;
  /** A chat of the list is shown now. */
  onOpened(): void;
  onClose(): void;
}

/** More would make the page slow; a search finds the others. */
const maxShown = 300;

interface Said {
  readonly text: string;
  /** What takes it back. */
  readonly undo?: SavedChat;
}

export function HistoryPanel(props: HistoryPanelProps): ReactNode {
  const { history, playground, shown, running, onOpened, onClose } = props;
  const { version } = useWatched(history);
  const [chats, setChats] = useState<readonly SavedChat[]>();
  const [words, setWords] = useState('');
  const [said, say] = useState<Said>();
  const file = useRef<HTMLInputElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version has other chats.
  useEffect(() => {
    let isNow = true;
    history.all().then(
      (all) => isNow && setChats(byDate(all)),
      () => isNow && setChats([]),
    );
    return () => {
      isNow = false;
    };
  }, [history, version]);
  const found = having(chats ?? [], words);
  const days = Map.groupBy(found.slice(0, maxShown), (chat) => dayOf(chat, Date.now()));

  const exportChats = (some: readonly SavedChat[], name: string): void =>
    saveFile(`${name}.json`, 'application/json', chatFile(some));
  const importChats = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const [given] = event.target.files ?? [];
    if (given === undefined) return;
    const imported = given.size > maxFileBytes ? undefined : readChatFile(await given.text());
    // The same file may be chosen again.
    event.target.value = '';
    if (imported === undefined) return say({ text: `${given.name} holds no chats of this page.` });
    const fresh = newOnes(imported, await history.all(), randomId);
    if (await history.put(fresh)) say({ text: importText(fresh.length, imported.length) });
  };
  const remove = async (chat: SavedChat): Promise<void> => {
    playground.forget(chat.id);
    await history.remove(chat.id);
    say({ text: `Deleted: ${titleOf(chat)}`, undo: chat });
  };
  return (
    <PanelFrame
      name="History"
      onClose={onClose}
      actions={
        <>
          <button type="button" className="quiet" onClick={() => file.current?.click()}>
            Import
          </button>
          <button
            type="button"
            className="quiet"
            disabled={found.length === 0}
            onClick={() => exportChats(found, 'tailrace-chats')}
          >
            {words.trim() === '' ? 'Export all' : 'Export found'}
          </button>
        </>
      }
    >
      <input
        ref={file}
        type="file"
        accept=".json,application/json"
        hidden
        aria-label="File with chats"
        onChange={(event) => void importChats(event)}
      />
      <div className="history-search">
        <input
          type="search"
          aria-label="Search chats"
          placeholder="Search all messages"
          value={words}
          onChange={(event) => setWords(event.target.value)}
          onKeyDown={(event) => {
            // Escape empties the field first, then closes the panel.
            if (event.key === 'Escape' && words !== '') event.stopPropagation();
          }}
        />
      </div>
      <div className="history-said" role="status">
        {said !== undefined && (
          <p className="row">
            <span>{said.text}</span>
            {said.undo !== undefined && (
              <button
                type="button"
                onClick={() => {
                  if (said.undo !== undefined) void history.put([said.undo]);
                  say(undefined);
                }}
              >
                Undo
              </button>
            )}
          </p>
        )}
      </div>
      <div className="history-list">
        {[...days].map(([day, some]) => (
          <section key={day} aria-label={day}>
            <h3>{day}</h3>
            <ul>
              {some.map((chat) => (
                <HistoryEntry
                  key={chat.id}
                  chat={chat}
                  isShown={shown.includes(chat.id)}
                  isRunning={running.has(chat.id)}
                  onOpen={() => void playground.openChat(chat.id).then(onOpened)}
                  onRename={(title) => void history.rename(chat.id, title)}
                  onExport={() => exportChats([chat], 'tailrace-chat')}
                  onDelete={() => void remove(chat)}
                />
              ))}
            </ul>
          </section>
        ))}
        {found.length > maxShown && (
          <p className="hint">{found.length - maxShown} older ones: search for them.</p>
        )}
        {chats !== undefined && found.length === 0 && (
          <p className="hint">
            {words.trim() === ''
              ? 'No chats yet. Each chat is kept in this browser, for this address, until it is deleted here.'
              : 'No chat has these words.'}
          </p>
        )}
      </div>
    </PanelFrame>
  );
}

function importText(fresh: number, all: number): string {
  const known = all - fresh;
  return `Imported: ${fresh}${known === 0 ? '' : `; here already: ${known}`}`;
}
