import { expect, test } from 'vitest';
import { emptyDraft } from './chat-state.ts';
import { createPageKeeper } from './kept-page.ts';
import { type Message, withMessage } from './message-tree.ts';

function storageOf(maxLength: number): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const entries = new Map<string, string>();
  return {
    getItem: (name) => entries.get(name) ?? null,
    setItem(name, text) {
      if (text.length > maxLength) throw new DOMException('no room', 'QuotaExceededError');
      entries.set(name, text);
    },
    removeItem: (name) => void entries.delete(name),
  };
}

const said: Message = { id: 'q', parentId: null, role: 'user', text: 'x'.repeat(2_000), thoughts: '' };
const draft = { ...emptyDraft, tree: withMessage(emptyDraft.tree, said) };
const live = {
  completionId: 'chatcmpl-1',
  messageId: 'a',
  streamPath: '/v1/streams/chatcmpl-1?expires=1&signature=ab',
  behind: { text: 3, thoughts: 0 },
};

test('a page is found as it was kept, with the chats that were left', () => {
  const keeper = createPageKeeper(storageOf(100_000));
  keeper.keep([
    { id: 'one', draft, live: undefined, isShown: true },
    { id: 'left', draft, live, isShown: false },
  ]);
  expect(keeper.read()).toEqual([
    { id: 'one', draft, live: undefined, isShown: true },
    { id: 'left', draft, live, isShown: false },
  ]);
});

test('where a tab has no room for its chats, it still knows which they are and what runs', () => {
  const keeper = createPageKeeper(storageOf(1_000));
  keeper.keep([{ id: 'one', draft, live, isShown: true }]);
  expect(keeper.read()).toEqual([{ id: 'one', draft: undefined, live, isShown: true }]);
});

test('what another version of the page has kept is read, and an address of elsewhere is not', () => {
  const storage = storageOf(100_000);
  const old = [{ draft, live: { ...live, streamPath: 'https://elsewhere.example.org/' } }];
  storage.setItem('tailrace-page', JSON.stringify(old));
  const [kept] = createPageKeeper(storage).read();
  expect(kept).toMatchObject({ id: undefined, isShown: true });
  expect(kept?.live?.streamPath).toBeUndefined();
  storage.setItem('tailrace-page', '{"no": "list"}');
  expect(createPageKeeper(storage).read()).toEqual([]);
});
