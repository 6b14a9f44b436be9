import { createConnection } from '../api/connection.ts';
import type { PageFailure } from '../api/failure.ts';
import { beginSession, endSession } from '../api/session.ts';
import { openAnswer } from './answer.ts';
import { initialState, type Message, type PageState } from './chat-state.ts';
import { createPageKeeper, type LiveCompletion } from './kept-page.ts';
import { noParameters, type ParameterName } from './parameters.ts';
import { requestBody } from './request-body.ts';
import { type RunParts, resumeCompletion, runCompletion } from './run-completion.ts';
import { createWireLog } from './wire-log.ts';

export interface PlaygroundParts {
  readonly fetch: typeof window.fetch;
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  now(): number;
  /** Calls the work before the next frame is drawn. */
  nextFrame(work: () => void): void;
  wait(ms: number): Promise<void>;
  newId(): string;
  /** The code of the one-time address by which the page was opened; only the first call gives it. */
  takeCode(): string | undefined;
}

/** The page without its look: what it knows, and what can be done. */
export interface Playground {
  readonly state: () => PageState;
  /** Calls back at most once a frame while an answer comes. Returns the function that ends this. */
  readonly subscribe: (changed: () => void) => () => void;
  /** Looks whether the page may ask the server (code, kept key, session, or no authentication), and reads the kept chat. */
  open(): Promise<void>;
  signIn(key: string): Promise<void>;
  signOut(): void;
  set(change: Partial<Pick<PageState, 'model' | 'system' | 'typed' | 'stream'>>): void;
  setParameter(name: ParameterName, text: string): void;
  resetParameters(): void;
  /** Sends what is typed, or the chat as it is where nothing is typed. */
  send(): void;
  /** Ends the answer that comes; what has come stays. */
  stop(): void;
  /** Asks again for the answer to the last message of the user. */
  regenerate(): void;
  edit(messageId: string, text: string, andSend: boolean): void;
  remove(messageId: string): void;
  clear(): void;
  /** Keeps the page for a reload. */
  readonly keep: () => void;
}

interface Running {
  readonly abort: AbortController;
  readonly messageId: string;
  live: LiveCompletion | undefined;
}

export function createPlayground(parts: PlaygroundParts): Playground {
  const keeper = createPageKeeper(parts.storage);
  const listeners = new Set<() => void>();
  let state = initialState;
  /** Asks with the session of the browser, where it has one. */
  const keyless = createConnection(parts.fetch, undefined);
  let connection = createConnection(parts.fetch, keeper.key());
  let running: Running | undefined;

  function change(next: Partial<PageState>): void {
    state = { ...state, ...next };
    for (const listener of listeners) listener();
  }

  function changeMessage(id: string, next: Partial<Message>, more: Partial<PageState> = {}): void {
    const messages = state.messages.map((message) => (message.id === id ? { ...message, ...next } : message));
    change({ ...more, messages });
  }

  const keep = (): void => {
    if (state.access === 'open') keeper.keepPage(state, running?.live);
  };

  async function enter(): Promise<boolean> {
    const listed = await connection.models();
    if (!listed.ok) {
      change({ access: 'refused', accessFailure: listed.failure });
      return false;
    }
    const models = listed.value;
    const wanted = models.find(({ id }) => id === state.model) ?? models.find(({ id }) => id === 'default');
    change({ access: 'open', accessFailure: undefined, models, model: (wanted ?? models[0])?.id ?? '' });
    return true;
  }

  /** Runs one answer into the message with this id, which is there already. */
  async function run(
    messageId: string,
    begin: (runParts: RunParts) => Promise<PageFailure | undefined>,
    resumed: LiveCompletion | undefined,
  ): Promise<void> {
    const abort = new AbortController();
    const mine: Running = { abort, messageId, live: resumed };
    running = mine;
    const sentMs = parts.now();
    const answer = openAnswer(resumed === undefined ? sentMs : undefined);
    const wire = createWireLog(sentMs);
    let drawing = false;
    const draw = (): void => {
      drawing = false;
      if (running !== mine) return;
      const waiting = answer.text() === '' && answer.thoughts() === '';
      changeMessage(
        messageId,
        {
          ...(waiting && resumed !== undefined ? {} : { text: answer.text(), thoughts: answer.thoughts() }),
          facts: answer.facts(waiting ? 'waiting' : 'streaming'),
        },
        { wireVersion: state.wireVersion + 1 },
      );
    };
    changeMessage(
      messageId,
      { facts: answer.facts('waiting') },
      { running: true, failure: undefined, wire, wireVersion: 0 },
    );
    keep();
    let failure: PageFailure | undefined;
    let stopped = false;
    try {
      failure = await begin({
        connection,
        answer,
        wire,
        signal: abort.signal,
        now: parts.now,
        wait: parts.wait,
        onBegin(completionId) {
          mine.live = { completionId, messageId };
          keep();
        },
        onMore() {
          if (drawing) return;
          drawing = true;
          parts.nextFrame(draw);
        },
      });
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      stopped = true;
    } finally {
      if (running === mine) running = undefined;
    }
    const ended = { running: running !== undefined, failure, wireVersion: state.wireVersion + 1 };
    const isEmpty = answer.text() === '' && answer.thoughts() === '' && !answer.isWhole();
    if (isEmpty && resumed === undefined) {
      // An answer of which nothing came is no turn of the chat.
      change({ ...ended, messages: state.messages.filter(({ id }) => id !== messageId) });
    } else {
      const facts = answer.facts(stopped ? 'stopped' : failure === undefined ? 'done' : 'failed');
      const come = isEmpty ? {} : { text: answer.text(), thoughts: answer.thoughts() };
      changeMessage(messageId, { ...come, facts }, ended);
    }
    keep();
  }

  function ask(messages: readonly Message[], more: Partial<PageState> = {}): void {
    const answer: Message = { id: parts.newId(), role: 'assistant', text: '', thoughts: '' };
    const body = requestBody({ ...state, messages });
    change({ ...more, messages: [...messages, answer] });
    void run(answer.id, (runParts) => runCompletion(runParts, body), undefined);
  }

  function stop(): void {
    const stopping = running;
    if (stopping === undefined) return;
    stopping.abort.abort();
    // A kept stream goes on without its reader; this ends it.
    const id = stopping.live?.completionId;
    if (id === undefined) return;
    void connection.ask(`/v1/chat/completions/${encodeURIComponent(id)}/cancel`, { method: 'POST' });
  }

  return {
    state: () => state,
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    keep,
    stop,
    async open() {
      const kept = keeper.page();
      change(kept.draft);
      const code = parts.takeCode();
      if (code !== undefined) {
        const begun = await beginSession(keyless, code);
        if (!begun.ok) {
          change({ access: 'refused', accessFailure: begun.failure });
          return;
        }
        keeper.keepKey(undefined);
        connection = keyless;
      }
      if (!(await enter())) {
        // Nobody has signed in yet: that is no failure.
        if (keeper.key() === undefined) change({ accessFailure: undefined });
        return;
      }
      const { live } = kept;
      if (live === undefined || !state.messages.some(({ id }) => id === live.messageId)) return;
      void run(live.messageId, (runParts) => resumeCompletion(runParts, live.completionId), live);
    },
    async signIn(key) {
      connection = createConnection(parts.fetch, key);
      if (await enter()) keeper.keepKey(key);
    },
    signOut() {
      stop();
      void endSession(keyless);
      keeper.keepKey(undefined);
      keeper.keepPage(initialState, undefined);
      connection = keyless;
      change({ ...initialState, access: 'refused' });
    },
    set: change,
    setParameter(name, text) {
      change({ parameters: { ...state.parameters, [name]: text } });
    },
    resetParameters: () => change({ parameters: noParameters }),
    send() {
      const text = state.typed.trim();
      if (running !== undefined || (text === '' && state.messages.at(-1)?.role !== 'user')) return;
      const said: Message = { id: parts.newId(), role: 'user', text, thoughts: '' };
      ask(text === '' ? state.messages : [...state.messages, said], { typed: '' });
    },
    regenerate() {
      const last = state.messages.findLastIndex(({ role }) => role === 'user');
      if (running === undefined && last >= 0) ask(state.messages.slice(0, last + 1));
    },
    edit(messageId, text, andSend) {
      const at = state.messages.findIndex(({ id }) => id === messageId);
      if (running !== undefined || at < 0) return;
      // What is written by hand has no figures.
      changeMessage(messageId, { text, thoughts: '', facts: undefined });
      if (andSend) ask(state.messages.slice(0, at + 1));
      else keep();
    },
    remove(messageId) {
      if (running !== undefined) return;
      change({ messages: state.messages.filter(({ id }) => id !== messageId), failure: undefined });
      keep();
    },
    clear() {
      stop();
      change({ messages: [], failure: undefined, wire: undefined });
      keep();
    },
  };
}
