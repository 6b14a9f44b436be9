import type { ToolRunner } from './contract.ts';

/** What a run has from its beginning, before its code is there. */
export interface RunnerParts {
  readonly controller: AbortController;
  readonly messages: ToolRunner['messages'];
}

const finals = [
  ...['done', 'finalContent', 'finalMessage', 'finalChatCompletion'],
  ...['finalFunctionToolCall', 'finalFunctionToolCallResult', 'totalUsage'],
] as readonly ('done' | 'finalContent')[];

/**
 * A runner whose code is loaded with the first run: most programs have none. `load` makes the runner; what was asked of it before is
 * asked then, before its loop begins.
 */
export function createLazyToolRunner(load: (parts: RunnerParts) => Promise<ToolRunner>): ToolRunner {
  const parts: RunnerParts = { controller: new AbortController(), messages: [] };
  let runner: ToolRunner | undefined;
  const loaded = load(parts).then((made) => {
    runner = made;
    return made;
  });

  function iterate<Item>(of: (made: ToolRunner) => AsyncIterable<Item>): AsyncIterableIterator<Item> {
    const items = loaded.then((made) => of(made)[Symbol.asyncIterator]());
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => (await items).next(),
      return: async (value) => (await items).return?.(value) ?? { value, done: true },
    };
  }

  const lazy = {
    ...parts,
    get ended() {
      return runner?.ended ?? false;
    },
    get errored() {
      return runner?.errored ?? false;
    },
    get aborted() {
      return runner?.aborted ?? false;
    },
    abort() {
      if (runner === undefined) parts.controller.abort();
      else runner.abort();
    },
    allChatCompletions: () => runner?.allChatCompletions() ?? [],
    events: () => iterate((made) => made.events()),
    [Symbol.asyncIterator]: () => iterate((made) => made),
  };
  for (const name of finals)
    Object.assign(lazy, { [name]: () => loaded.then((made): unknown => made[name]()) });
  for (const name of ['on', 'once', 'off'] as const)
    Object.assign(lazy, {
      [name](...given: Parameters<ToolRunner['on']>) {
        if (runner === undefined) void loaded.then((made) => made[name](...given));
        else runner[name](...given);
        return lazy;
      },
    });
  return lazy as object as ToolRunner;
}
