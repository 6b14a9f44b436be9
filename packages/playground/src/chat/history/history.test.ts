import { describe, expect, test } from 'vitest';
import { type Draft, emptyDraft } from '../chat-state.ts';
import { branchOf, changed, type Message, withMessage, without } from '../message-tree.ts';
import { chatFile, newOnes, readChatFile } from './chat-file.ts';
import type { ChatStore } from './chat-store.ts';
import { createHistory, type History } from './history.ts';
import { byDate, dayOf, having, readSavedChat, type SavedChat, titleOf } from './saved-chat.ts';

function message(id: string, parentId: string | null, text = id): Message {
  return { id, parentId, role: parentId === null ? 'user' : 'assistant', text, thoughts: '' };
}

function draftOf(...messages: readonly Message[]): Draft {
  return { ...emptyDraft, model: 'lab/a', tree: messages.reduce(withMessage, emptyDraft.tree) };
}

/** A browser: what a tab writes is copied, and each tab has its own objects. */
function browserOf(refusal?: Error): { tab(): History; entries: Map<string, unknown> } {
  const entries = new Map<string, unknown>();
  const listeners: (() => void)[] = [];
  const store: ChatStore = {
    async update(id, change) {
      if (refusal !== undefined) throw refusal;
      entries.set(id, structuredClone(change(structuredClone(entries.get(id)))));
    },
    read: async (id) => structuredClone(entries.get(id)),
    all: async () => structuredClone([...entries.values()]),
    remove: async (id) => void entries.delete(id),
  };
  let ms = 0;
  const tab = (): History =>
    createHistory({
      store,
      clock: () => (ms += 1),
      announce() {
        for (const listener of listeners) listener();
      },
      onAnnounced: (listener) => void listeners.push(listener),
    });
  return { tab, entries };
}

async function textsOf(history: History, id: string): Promise<string[]> {
  return (await history.read(id))?.draft.tree.all.map(({ text }) => text) ?? [];
}

describe('the history of the browser', () => {
  test('keeps a chat once it has messages, and writes it again only when it has changed', async () => {
    const { tab } = browserOf();
    const history = tab();
    await history.keep('one', draftOf());
    expect(await history.all()).toEqual([]);
    const draft = draftOf(message('q', null));
    await history.keep('one', draft);
    const [first] = await history.all();
    await history.keep('one', draft);
    expect(await history.all()).toEqual([first]);
    await history.keep('one', { ...draft, system: 'Be brief.' });
    expect((await history.read('one'))?.draft.system).toBe('Be brief.');
  });

  test('a new name stays when the chat goes on, and an empty one brings the first words back', async () => {
    const history = browserOf().tab();
    const draft = draftOf(message('q', null, 'What is gravity?'));
    await history.keep('one', draft);
    await history.rename('one', ' Physics ');
    await history.keep('one', { ...draft, tree: withMessage(draft.tree, message('a', 'q')) });
    expect((await history.read('one'))?.title).toBe('Physics');
    await history.rename('one', '');
    expect((await history.all()).map(titleOf)).toEqual(['What is gravity?']);
  });

  test('two tabs with the same chat do not overwrite each other', async () => {
    const { tab } = browserOf();
    const [one, other] = [tab(), tab()];
    const draft = draftOf(message('q', null), message('old', 'q'));
    await one.keep('chat', draft);
    const read = (await other.read('chat'))?.draft ?? emptyDraft;
    other.noteRead('chat', read);
    await one.keep('chat', { ...draft, tree: withMessage(draft.tree, message('from one', 'old')) });
    const theirs = changed(without(read.tree, 'old'), 'q', { text: 'q, asked better' });
    await other.keep('chat', { ...read, tree: withMessage(theirs, message('from other', 'q')) });
    expect(await textsOf(other, 'chat')).toEqual(['q, asked better', 'from other', 'from one']);
    const kept = await other.read('chat');
    expect(branchOf(kept?.draft.tree ?? emptyDraft.tree).map(({ id }) => id)).toEqual(['q', 'from other']);
    // What followed the removed message is still reached: it begins a branch.
    expect(kept?.draft.tree.all.at(-1)?.parentId).toBeNull();
  });

  test('a tab learns that another one has written', async () => {
    const { tab } = browserOf();
    const [one, other] = [tab(), tab()];
    const before = other.state().version;
    await one.keep('chat', draftOf(message('q', null)));
    expect(other.state().version).toBeGreaterThan(before);
  });

  test('a full storage is said, and the chat is written once there is room', async () => {
    const full = Object.assign(new Error('no room'), { name: 'QuotaExceededError' });
    const history = browserOf(full).tab();
    const draft = draftOf(message('q', null));
    await history.keep('one', draft);
    expect(history.state().failure).toBe('full');
    const { version } = history.state();
    await history.keep('one', draft);
    expect(history.state().version).toBeGreaterThan(version);
    const other = browserOf(new Error('no database')).tab();
    await other.keep('one', draft);
    expect(other.state().failure).toBe('unavailable');
  });
});

describe('a list of chats', () => {
  const chat = (id: string, changedMs: number, text: string): SavedChat => ({
    id,
    changedMs,
    draft: draftOf(message('q', null, text), message('a', 'q', `About ${text}`)),
  });
  const chats = [chat('old', 1, 'Salt and water'), chat('new', 2, 'Rivers')];

  test('has the newest first, under the day', () => {
    expect(byDate(chats).map(({ id }) => id)).toEqual(['new', 'old']);
    const now = new Date(2026, 10, 28, 12).getTime();
    expect(dayOf({ ...chat('a', now, ''), changedMs: now }, now)).toBe('Today');
    expect(dayOf(chat('a', now - 86_400_000, ''), now)).toBe('Yesterday');
    expect(dayOf(chat('a', now - 3 * 86_400_000, ''), now)).toBe('November 25, 2026');
  });

  test('is searched in all texts, for all words', () => {
    expect(having(chats, 'ABOUT salt').map(({ id }) => id)).toEqual(['old']);
    expect(having(chats, 'rivers salt')).toEqual([]);
    expect(having(chats, ' ')).toBe(chats);
  });

  test('names a chat by its first words, cut between two of them', () => {
    const words = 'word '.repeat(40);
    expect(titleOf(chat('a', 1, words))).toBe(`${'word '.repeat(11)}word…`);
    expect(titleOf(chat('a', 1, '😀'.repeat(60)))).toBe(`${'😀'.repeat(30)}…`);
    expect(titleOf(chat('a', 1, ' '))).toBe('Without words');
  });
});

describe('a file of chats', () => {
  const draft = draftOf(message('q', null, 'Hello'), message('a', 'q', 'Hi'));
  const chat: SavedChat = { id: 'one', title: 'Greeting', changedMs: 5, draft };

  test('is read as it was written', () => {
    expect(readChatFile(chatFile([chat]))).toEqual([chat]);
  });

  test('brings only what is new, and overwrites nothing', () => {
    const other = { ...chat, draft: { ...draft, system: 'Other' } };
    expect(newOnes([chat], [chat], () => 'fresh')).toEqual([]);
    expect(newOnes([chat], [], () => 'fresh')).toEqual([chat]);
    expect(newOnes([other], [chat], () => 'fresh').map(({ id }) => id)).toEqual(['fresh']);
  });

  test('of somebody else is refused, and what does not fit in one is left out', () => {
    expect(readChatFile('not JSON')).toBeUndefined();
    expect(readChatFile('[]')).toBeUndefined();
    expect(readChatFile('{"format":"tailrace-chats","chats":7}')).toBeUndefined();
    const hostile = {
      format: 'tailrace-chats',
      chats: [
        null,
        { id: 7, draft },
        { id: 'empty', draft: emptyDraft },
        {
          id: 'odd',
          title: { html: '<b>' },
          changedMs: 'now',
          draft: {
            ...draft,
            model: 7,
            tree: {
              all: [
                ...draft.tree.all,
                { ...message('q', 'q'), text: 'the second of this id' },
                { ...message('b', 'a'), facts: { state: 'done', pieces: 1, target: { toString: 1 } } },
                { ...message('c', 'b'), role: 'system' },
                { ...message('d', 'b'), facts: { state: 'streaming', pieces: 1 } },
              ],
              leafId: 'nowhere',
            },
          },
        },
      ],
    };
    const [odd, ...more] = readChatFile(JSON.stringify(hostile)) ?? [];
    expect(more).toEqual([]);
    expect(odd).toMatchObject({ id: 'odd', changedMs: 0 });
    expect(odd?.title).toBeUndefined();
    expect(odd?.draft.model).toBe('');
    expect(odd?.draft.tree.all.map(({ id }) => id)).toEqual(['q', 'a', 'b', 'd']);
    expect(odd?.draft.tree.all[2]?.facts).toEqual({ state: 'done', pieces: 1 });
    expect(odd?.draft.tree.all[3]?.facts?.state).toBe('stopped');
  });

  test('without a chat has nothing', () => {
    expect(readSavedChat(undefined)).toBeUndefined();
  });
});
