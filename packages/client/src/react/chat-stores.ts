import { type ChatStore, type ChatStoreDeps, createChatStore } from './chat-store.ts';
import { browserPage } from './page.ts';

/** The chats of this page that something shows, or whose answer runs. */
const stores = new Map<string, ChatStore>();

/** The chat of this key; all hooks with the same key share it. With the key `''` (on a server) it is a new one. */
export function chatStore(key: string, deps: Pick<ChatStoreDeps, 'key' | 'initialMessages'>): ChatStore {
  const store =
    stores.get(key) ??
    createChatStore({
      ...deps,
      page: browserPage,
      onUse(isUsed) {
        if (isUsed) stores.set(key, store);
        else stores.delete(key);
      },
    });
  // A server keeps no chat of one visitor for the next. Where React throws a render away, the next one takes its chat.
  if (key !== '') stores.set(key, store);
  return store;
}
