import type { ChatCompletionSnapshot } from '../../types/chat.ts';
import type { AnswerStream } from '../chat-store.ts';
import type { ChatPage } from '../page.ts';

/** An answer whose events a test sends by hand. */
export interface ScriptedAnswer extends AnswerStream {
  /** The head comes. */
  begin(): void;
  /** One event for each text. */
  say(...texts: readonly string[]): void;
  finish(): void;
  /** Before the head: the request fails. Later: the stream does. */
  fail(error: Error): void;
  reconnect(): void;
  /** The reader has called `cancel`. */
  isCancelled(): boolean;
}

export function scriptedAnswer(streamUrl: string | undefined): ScriptedAnswer {
  let isCancelled = false;
  const events: (string | Error | undefined)[] = [];
  const listeners: (() => void)[] = [];
  let wake = (): void => {};
  let cursor = 0;
  let begun = false;
  const snapshot: ChatCompletionSnapshot = {
    ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'm' },
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: '', refusal: null },
        finish_reason: null,
        logprobs: null,
      },
    ],
  };
  const head = Promise.withResolvers<unknown>();
  // A test may fail a request that its reader does not await any more.
  head.promise.catch(() => {});
  const add = (event: string | Error | undefined): void => {
    events.push(event);
    wake();
  };
  const answer: ScriptedAnswer = {
    snapshot,
    isCancelled: () => isCancelled,
    response: head.promise,
    get streamUrl() {
      return begun ? streamUrl : undefined;
    },
    get cursor() {
      return cursor;
    },
    on: (_, listener) => listeners.push(listener),
    async cancel() {
      isCancelled = true;
      add(new Error('aborted'));
    },
    async *[Symbol.asyncIterator]() {
      await head.promise;
      for (;;) {
        while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const event = events.shift();
        const [choice] = snapshot.choices;
        if (event instanceof Error) throw event;
        cursor += 1;
        if (choice && event === undefined) choice.finish_reason = 'stop';
        else if (choice) choice.message.content += event ?? '';
        yield event;
        if (event === undefined) return;
      }
    },
    begin() {
      begun = true;
      head.resolve(undefined);
    },
    say(...texts) {
      for (const text of texts) add(text);
    },
    finish: () => add(undefined),
    fail(error) {
      head.reject(error);
      add(error);
    },
    reconnect() {
      for (const listener of listeners) listener();
    },
  };
  return answer;
}

export interface ScriptedPage extends ChatPage {
  /** The next frame comes: whether something was drawn. */
  draw(): boolean;
  return(): void;
  leave(): void;
  readonly kept: Map<string, string>;
}

export function scriptedPage(kept: Map<string, string> = new Map()): ScriptedPage {
  const waiting = new Set<() => void>();
  const returning = new Set<() => void>();
  const leaving = new Set<() => void>();
  const listen = (set: Set<() => void>) => (listener: () => void) => {
    set.add(listener);
    return () => set.delete(listener);
  };
  const call = (set: Set<() => void>): void => {
    for (const listener of [...set]) listener();
  };
  return {
    kept,
    frame: (draw) => waiting.add(draw),
    online: async () => {},
    onReturn: listen(returning),
    onLeave: listen(leaving),
    read: (key) => JSON.parse(kept.get(key) ?? 'null'),
    write: (key, value) => kept.set(key, JSON.stringify(value)),
    draw() {
      const draws = [...waiting];
      waiting.clear();
      for (const draw of draws) draw();
      return draws.length > 0;
    },
    return: () => call(returning),
    leave: () => call(leaving),
  };
}
