import type { Access } from '../api/access.ts';
import { createSignal, type Watched } from '../signals/signal.ts';
import { type Chat, type ChatParts, createChat } from './chat.ts';
import { type Draft, draftOf } from './chat-state.ts';
import type { History } from './history/history.ts';
import { createPageKeeper, type KeptChat } from './kept-page.ts';
import { noMessages } from './message-tree.ts';

export interface PlaygroundState {
  /** The chats that are shown side by side; there is always one. */
  readonly chats: readonly Chat[];
  /** The text that is not sent yet. */
  readonly typed: string;
  /** The ids of the chats in this tab whose answers run, whether they are shown or not. */
  readonly running: ReadonlySet<string>;
  /** What is said about the chat that is shown, until the next one is. */
  readonly notice?: string | undefined;
}

/** The playground without its look: the chats that are shown, and the text that goes to all of them. */
export interface Playground extends Watched<PlaygroundState> {
  type(text: string): void;
  /** Sends what is typed to each chat, or each chat as it is where nothing is typed. */
  send(): void;
  /** Ends the answers of the chats that are shown. */
  stop(): void;
  /** Begins anew, with the model and the settings of the first chat. A chat that is left runs on. */
  newChat(): void;
  /** Shows a chat of the history, or one that was left while it runs. */
  openChat(id: string): Promise<void>;
  /** Shows a draft that came from elsewhere as a new chat, as soon as the page may ask the server; without one only the notice. */
  openDraft(draft: Draft | undefined, notice: string): void;
  /** Shows one more chat beside those that are shown: the same one, with another model where there is one. */
  addLane(): void;
  /** Takes one of several chats away; its answer ends, and it stays in the history. */
  closeLane(id: string): void;
  /** Goes on with one of several chats. */
  chooseLane(id: string): void;
  /** Takes away what is said about the chat. */
  dismissNotice(): void;
  /** Lets go of a chat that is deleted: its answer ends, and another chat is shown where it was. */
  forget(id: string): void;
  /** Keeps the page for a reload, and its chats for the history. */
  readonly keep: () => void;
}

export interface PlaygroundParts extends Omit<ChatParts, 'connection' | 'keep'> {
  readonly access: Access;
  readonly history: History;
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/** So many chats are compared at most: a browser opens six connections to one server, and one has to be left. */
export const maxLanes = 4;

const nothing: PlaygroundState = { chats: [], typed: '', running: new Set() };

export function createPlayground({ access, history, storage, ...parts }: PlaygroundParts): Playground {
  const keeper = createPageKeeper(storage);
  const chatParts: ChatParts = { ...parts, connection: () => access.connection(), keep };
  const signal = createSignal<PlaygroundState>(nothing);
  const { get: state, subscribe } = signal;
  /** Chats that are not shown, whose answers run. */
  const left = new Map<string, Chat>();
  /** A draft that came before the page could ask the server. */
  let waiting: { readonly draft: Draft | undefined; readonly notice: string } | undefined;

  function newChatWith(draft: Partial<Draft>, id = parts.newId()): Chat {
    const chat = createChat(chatParts, id, { ...draft, model: servedModel(draft.model) });
    chat.subscribe(() => noteRunning(chat));
    return chat;
  }

  function noteRunning(chat: Chat): void {
    const { running } = chat.state();
    if (running === state().running.has(chat.id)) return;
    const others = [...state().running].filter((id) => id !== chat.id);
    signal.set({ ...state(), running: new Set(running ? [...others, chat.id] : others) });
    if (!running && left.delete(chat.id)) void history.keep(chat.id, chat.state());
  }

  function keep(): void {
    if (access.state().status !== 'open') return;
    const { chats } = state();
    const all = [...chats, ...left.values()];
    keeper.keep(
      all.map((chat) => ({
        id: chat.id,
        draft: chat.state(),
        live: chat.live(),
        isShown: chats.includes(chat),
      })),
    );
    for (const chat of all) void history.keep(chat.id, chat.state());
  }

  /** Shows these chats in the place of those before, which run on where they run. */
  function show(chats: readonly Chat[], notice?: string): void {
    keep();
    for (const chat of state().chats) if (chat.state().running) left.set(chat.id, chat);
    for (const { id } of chats) left.delete(id);
    signal.set({ ...state(), chats, notice });
    keep();
  }

  /** Shows these of the chats, and perhaps one more; the others end. */
  function showLanes(chats: readonly Chat[]): void {
    keep();
    const gone = state().chats.filter((chat) => !chats.includes(chat));
    for (const chat of gone) if (chat.state().running) left.set(chat.id, chat);
    signal.set({ ...state(), chats });
    stop(gone);
    keep();
  }

  /** The model that was chosen, where it is still served; else the default one, else the first. */
  function servedModel(wanted: string | undefined): string {
    const { models } = access.state();
    return [wanted, 'default'].find((id) => models.some((model) => model.id === id)) ?? models[0]?.id ?? '';
  }

  async function open(): Promise<void> {
    const kept = await Promise.all(
      keeper.read().map(async (chat) => ({ chat, draft: await draftOfKept(chat) })),
    );
    if (!wasOpen) return;
    const chats = kept.map(({ chat: { id, live, isShown }, draft }) => {
      const chat = newChatWith(draft, id);
      history.noteRead(chat.id, draftOf(chat.state()));
      return { chat, live, isShown };
    });
    const shown = chats.filter(({ isShown }) => isShown).map(({ chat }) => chat);
    for (const { chat, isShown } of chats) if (!isShown) left.set(chat.id, chat);
    signal.set({ ...nothing, chats: shown.length === 0 ? [newChatWith({})] : shown });
    for (const { chat, live } of chats) if (live !== undefined) chat.resume(live);
    if (waiting !== undefined) showDraft(waiting.draft, waiting.notice);
    waiting = undefined;
  }

  async function draftOfKept({ id, draft }: KeptChat): Promise<Partial<Draft>> {
    if (draft !== undefined || id === undefined) return draft ?? {};
    return (await readSaved(id)) ?? {};
  }

  async function readSaved(id: string): Promise<Draft | undefined> {
    const saved = await history.read(id).catch(() => undefined);
    return saved?.draft;
  }

  function showDraft(draft: Draft | undefined, notice: string): void {
    if (draft === undefined) {
      signal.set({ ...state(), notice });
      return;
    }
    const chat = newChatWith(draft);
    const wanted = draft.model;
    const isServed = wanted === '' || chat.state().model === wanted;
    show([chat], isServed ? notice : `${notice} Its model, ${wanted}, is not served here.`);
  }

  function stop(chats: Iterable<Chat>): void {
    for (const chat of chats) chat.stop();
  }

  let wasOpen = false;
  access.subscribe(() => {
    const isOpen = access.state().status === 'open';
    if (isOpen === wasOpen) return;
    wasOpen = isOpen;
    if (isOpen) return void open();
    stop([...state().chats, ...left.values()]);
    left.clear();
    keeper.keep([]);
    signal.set(nothing);
  });

  return {
    state,
    subscribe,
    keep,
    stop: () => stop(state().chats),
    type: (typed) => signal.set({ ...state(), typed }),
    send() {
      const { chats, typed } = state();
      if (chats.some((chat) => chat.state().running)) return;
      signal.set({ ...state(), typed: '', notice: undefined });
      for (const chat of chats) chat.send(typed.trim());
    },
    newChat() {
      const [first] = state().chats;
      show([newChatWith(first === undefined ? {} : { ...draftOf(first.state()), tree: noMessages })]);
    },
    async openChat(id) {
      const { chats } = state();
      if (chats.length === 1 && chats[0]?.id === id) return;
      const here = left.get(id) ?? chats.find((chat) => chat.id === id);
      if (here !== undefined) return show([here]);
      const draft = await readSaved(id);
      if (draft === undefined || !wasOpen) return;
      const chat = newChatWith(draft, id);
      history.noteRead(id, draftOf(chat.state()));
      show([chat]);
    },
    openDraft(draft, notice) {
      if (state().chats.length === 0) waiting = { draft, notice };
      else showDraft(draft, notice);
    },
    addLane() {
      const { chats } = state();
      const last = chats.at(-1);
      if (last === undefined || last.state().running || chats.length >= maxLanes) return;
      const taken = new Set(chats.map((chat) => chat.state().model));
      const other = access.state().models.find(({ id }) => !taken.has(id));
      const draft = draftOf(last.state());
      const lane = newChatWith({ ...draft, model: other?.id ?? draft.model });
      // It is a chat of its own once it differs.
      history.noteRead(lane.id, draftOf(lane.state()));
      showLanes([...chats, lane]);
    },
    closeLane(id) {
      const { chats } = state();
      if (chats.length > 1) showLanes(chats.filter((chat) => chat.id !== id));
    },
    chooseLane(id) {
      const used = state().chats.filter((chat) => chat.id === id);
      if (used.length > 0) showLanes(used);
    },
    dismissNotice: () => signal.set({ ...state(), notice: undefined }),
    forget(id) {
      const { chats } = state();
      const gone = left.get(id) ?? chats.find((chat) => chat.id === id);
      left.delete(id);
      if (gone === undefined) return;
      const settings = { ...draftOf(gone.state()), tree: noMessages };
      const rest = chats.filter((chat) => chat !== gone);
      signal.set({ ...state(), chats: rest.length === 0 ? [newChatWith(settings)] : rest });
      gone.stop();
      keep();
    },
  };
}
