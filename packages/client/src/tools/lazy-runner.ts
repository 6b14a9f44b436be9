import type { ChatCompletionMessageParam } from '../types/chat.ts';
import type { ToolRunner } from './contract.ts';

/** What a run and the one who started it share from the first moment on. */
export interface SharedRun {
  readonly messages: ChatCompletionMessageParam[];
  readonly controller: AbortController;
}

const listening = ['on', 'once', 'off'] as const;
const answering = [
  'done',
  'finalContent',
  'finalMessage',
  'finalChatCompletion',
  'finalFunctionToolCall',
  'finalFunctionToolCallResult',
  'totalUsage',
] as const;
const iterating = ['events', Symbol.asyncIterator] as const;

/** The runner whose code is loaded when one is made, so that a client carries none of it. A run begins after what was called until then. */
export function createLazyRunner(load: (shared: SharedRun) => Promise<ToolRunner>): ToolRunner {
  const shared: SharedRun = { messages: [], controller: new AbortController() };
  let loaded: ToolRunner | undefined;
  const loading = load(shared).then((runner) => {
    loaded = runner;
    return runner;
  });
  loading.catch(() => {});
  const own = {
    ...shared,
    get ended() {
      return loaded?.ended ?? false;
    },
    get errored() {
      return loaded?.errored ?? false;
    },
    get aborted() {
      return loaded?.aborted ?? false;
    },
    abort: () => shared.controller.abort(),
    allChatCompletions: () => loaded?.allChatCompletions() ?? [],
  };
  const runner = own as object as Record<PropertyKey, unknown>;
  for (const name of listening) {
    runner[name] = (...values: Parameters<ToolRunner['on']>) => {
      loading.then((one) => one[name](...values)).catch(() => {});
      return runner;
    };
  }
  for (const name of answering) runner[name] = () => loading.then((one): Promise<unknown> => one[name]());
  for (const name of iterating) {
    runner[name] = async function* () {
      yield* (await loading)[name]() as AsyncIterable<unknown>;
    };
  }
  return own as object as ToolRunner;
}
