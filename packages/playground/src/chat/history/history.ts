import { createSignal, type Watched } from '../../signals/signal.ts';
import { type Draft, draftOf } from '../chat-state.ts';
import type { Message } from '../message-tree.ts';
import type { ChatStore } from './chat-store.ts';
import { mergeChats } from './merge-chats.ts';
import { readSavedChat, type SavedChat } from './saved-chat.ts';

export interface HistoryState {
  /** Grows with each change, also of another tab. */
  readonly version: number;
  /** Why the last chat could not be written down; undefined where it was. */
  readonly failure?: 'full' | 'unavailable' | undefined;
}

/** The chats that this browser keeps for this address, beyond the tab that had them. */
export interface History extends Watched<HistoryState> {
  /** Writes the chat down, where it has messages and has changed since this tab wrote or read it last. */
  keep(id: string, draft: Draft): Promise<void>;
  /** Notes that this tab has the chat as it stands here: only later changes are its own. */
  noteRead(id: string, draft: Partial<Draft>): void;
  read(id: string): Promise<SavedChat | undefined>;
  /** All chats; those that cannot be read are left out. Rejects where the browser keeps nothing. */
  all(): Promise<readonly SavedChat[]>;
  /** Another name for the chat; an empty one brings its first words back. */
  rename(id: string, title: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Writes chats as they are: imported ones, or one that was removed. Resolves to whether all could be written. */
  put(chats: readonly SavedChat[]): Promise<boolean>;
}

export interface HistoryParts {
  readonly store: ChatStore;
  /** Unix milliseconds. */
  clock(): number;
  /** Tells other tabs that something has changed. */
  announce(): void;
  /** Calls back when another tab has announced a change. */
  onAnnounced(changed: () => void): void;
}

export function createHistory({ store, clock, announce, onAnnounced }: HistoryParts): History {
  const signal = createSignal<HistoryState>({ version: 0 });
  /** What this tab wrote or read last of each chat that it has. */
  const bases = new Map<string, Partial<Draft>>();

  function changed(next: Partial<HistoryState>): void {
    signal.set({ ...signal.get(), ...next, version: signal.get().version + 1 });
  }
  onAnnounced(() => changed({}));

  /** Writes, and says what has come of it. */
  async function write(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      changed({ failure: isFull(error) ? 'full' : 'unavailable' });
      return false;
    }
    changed({ failure: undefined });
    announce();
    return true;
  }

  return {
    state: signal.get,
    subscribe: signal.subscribe,
    async keep(id, chatDraft) {
      const draft = draftOf(chatDraft);
      const base = bases.get(id);
      if (draft.tree.all.length === 0 || (base !== undefined && isSame(base, draft))) return;
      bases.set(id, draft);
      const mine: SavedChat = { id, changedMs: clock(), draft };
      const before: readonly Message[] | undefined = base?.tree?.all;
      const isWritten = await write(() =>
        store.update(id, (kept) => mergeChats(readSavedChat(kept), mine, before)),
      );
      // What is not written is still to be written.
      if (!isWritten && bases.get(id) === draft) {
        if (base === undefined) bases.delete(id);
        else bases.set(id, base);
      }
    },
    noteRead: (id, draft) => void bases.set(id, draft),
    read: async (id) => readSavedChat(await store.read(id)),
    async all() {
      return (await store.all()).flatMap((value) => readSavedChat(value) ?? []);
    },
    async rename(id, title) {
      await write(() =>
        store.update(id, (kept) => {
          const chat = readSavedChat(kept);
          return chat === undefined
            ? kept
            : { ...chat, title: title.trim() === '' ? undefined : title.trim() };
        }),
      );
    },
    async remove(id) {
      bases.delete(id);
      await write(() => store.remove(id));
    },
    put: (chats) =>
      write(async () => {
        for (const chat of chats) await store.update(chat.id, () => chat);
      }),
  };
}

/** Drafts are never changed in place. */
function isSame(base: Partial<Draft>, draft: Draft): boolean {
  return Object.entries(draft).every(([name, value]) => base[name as keyof Draft] === value);
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === 'QuotaExceededError';
}
