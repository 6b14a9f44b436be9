import type { Access } from '../app/access.ts';
import { createSignal, type Watched } from '../elements/signal.ts';
import { type Chat, type ChatParts, createChat } from './chat.ts';
import type { Draft } from './chat-state.ts';
import { createPageKeeper } from './kept-page.ts';

export interface PlaygroundState {
  /** The chats that are shown side by side; there is always one. */
  readonly chats: readonly Chat[];
  /** The text that is not sent yet. */
  readonly typed: string;
}

/** The playground without its look: the chats that are shown, and the text that goes to all of them. */
export interface Playground extends Watched<PlaygroundState> {
  type(text: string): void;
  /** Sends what is typed to each chat, or each chat as it is where nothing is typed. */
  send(): void;
  stop(): void;
  /** Begins anew, with the model and the settings of the first chat. */
  newChat(): void;
  /** Keeps the page for a reload. */
  readonly keep: () => void;
}

export interface PlaygroundParts extends Omit<ChatParts, 'connection' | 'keep'> {
  readonly access: Access;
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

export function createPlayground({ access, storage, ...parts }: PlaygroundParts): Playground {
  const keeper = createPageKeeper(storage);
  const chatParts: ChatParts = { ...parts, connection: () => access.connection(), keep };
  const signal = createSignal<PlaygroundState>({ chats: [], typed: '' });
  const { get: state, subscribe } = signal;

  function newChatWith(draft: Partial<Draft>): Chat {
    return createChat(chatParts, parts.newId(), draft);
  }

  function keep(): void {
    if (access.state().status !== 'open') return;
    keeper.keep(state().chats.map((chat) => ({ draft: chat.state(), live: chat.live() })));
  }

  /** The model that was chosen, where it is still served; else the default one, else the first. */
  function servedModel(wanted: string | undefined): string {
    const { models } = access.state();
    return [wanted, 'default'].find((id) => models.some((model) => model.id === id)) ?? models[0]?.id ?? '';
  }

  function open(): void {
    const kept = keeper.read();
    const chats = (kept.length === 0 ? [{ draft: {}, live: undefined }] : kept).map(({ draft, live }) => {
      const chat = newChatWith({ ...draft, model: servedModel(draft.model) });
      return { chat, live };
    });
    signal.set({ chats: chats.map(({ chat }) => chat), typed: '' });
    for (const { chat, live } of chats) if (live !== undefined) chat.resume(live);
  }

  function stop(): void {
    for (const chat of state().chats) chat.stop();
  }

  let wasOpen = false;
  access.subscribe(() => {
    const isOpen = access.state().status === 'open';
    if (isOpen === wasOpen) return;
    wasOpen = isOpen;
    if (isOpen) return open();
    stop();
    keeper.keep([]);
    signal.set({ chats: [], typed: '' });
  });

  return {
    state,
    subscribe,
    keep,
    stop,
    type: (typed) => signal.set({ ...state(), typed }),
    send() {
      const { chats, typed } = state();
      if (chats.some((chat) => chat.state().running)) return;
      signal.set({ ...state(), typed: '' });
      for (const chat of chats) chat.send(typed.trim());
    },
    newChat() {
      stop();
      const { model, system, parameters, stream } = state().chats[0]?.state() ?? {};
      const settings = model === undefined ? {} : { model, system, parameters, stream };
      signal.set({ ...state(), chats: [newChatWith(settings as Partial<Draft>)] });
      keep();
    },
  };
}
