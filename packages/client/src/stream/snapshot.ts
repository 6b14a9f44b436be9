import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionChunkChoice,
  ChatCompletionDelta,
  ChatCompletionSnapshot,
  ChoiceSnapshot,
} from '../types/chat.ts';

/** Puts the chunks of a stream together, one after the other. */
export interface SnapshotBuilder {
  readonly snapshot: ChatCompletionSnapshot;
  add(chunk: ChatCompletionChunk): void;
  /** The stream is whole. */
  finish(): ChatCompletion;
}

/** The calls of one choice: `stream/tool-calls.ts`. */
export interface ToolCallsBuilder {
  add(delta: object): void;
  finish(ranOut?: boolean): void;
  readonly calls: readonly object[];
}

/** Deltas of it that are not put together by their name's own rule. */
const ownRule: ReadonlySet<string> = new Set(['role', 'tool_calls', 'function_call', 'reasoning']);

/** What a chunk says of choice 0. */
export function firstDelta({ choices }: ChatCompletionChunk): ChatCompletionDelta | undefined {
  return choices.find(({ index }) => !index)?.delta;
}

/** Whether a choice of a chunk has pieces of calls, whatever their form. */
export function hasToolCalls({ delta }: ChatCompletionChunkChoice): boolean {
  return !!delta && (!!delta.tool_calls || 'function_call' in delta);
}

/** `createToolCalls` is called at the first tool call of a choice; calls are left out where it gives nothing. */
export function createSnapshotBuilder(createToolCalls: () => ToolCallsBuilder | undefined): SnapshotBuilder {
  const snapshot: ChatCompletionSnapshot = {
    id: '',
    object: 'chat.completion',
    created: 0,
    model: '',
    choices: [],
  };
  const calls = new Map<number, ToolCallsBuilder>();

  function choiceAt(index: number): ChoiceSnapshot {
    const { choices } = snapshot;
    let choice = choices.find((one) => one.index === index);
    if (choice === undefined) {
      choice = {
        index,
        message: { role: 'assistant', content: null, refusal: null },
        finish_reason: null,
        logprobs: null,
      };
      choices.push(choice);
      choices.sort((one, other) => one.index - other.index);
    }
    return choice;
  }

  function addChoice(given: ChatCompletionChunkChoice): void {
    const { index, delta, finish_reason: reason, logprobs } = given;
    const choice = choiceAt(index ?? 0);
    if (delta) addDelta(choice.message, delta);
    if (delta && hasToolCalls(given)) addToolCalls(choice, delta);
    if (logprobs) {
      choice.logprobs ??= { content: null };
      addDelta(choice.logprobs, logprobs);
    }
    if (reason) choice.finish_reason = reason;
  }

  function addToolCalls(choice: ChoiceSnapshot, delta: object): void {
    const builder = calls.get(choice.index) ?? createToolCalls();
    if (builder === undefined) return;
    calls.set(choice.index, builder);
    builder.add(delta);
    if (builder.calls.length > 0) Object.assign(choice.message, { tool_calls: builder.calls });
  }

  return {
    snapshot,
    add(chunk) {
      for (const name in chunk) {
        const value = chunk[name as keyof ChatCompletionChunk];
        if (value != null && name !== 'object' && name !== 'choices')
          (snapshot as object as Record<string, unknown>)[name] = value;
      }
      for (const choice of chunk.choices) addChoice(choice);
    },
    finish() {
      for (const choice of snapshot.choices) {
        const builder = calls.get(choice.index);
        builder?.finish(choice.finish_reason === 'length');
        const { message } = choice;
        if (builder?.calls.length) {
          Object.assign(message, { tool_calls: builder.calls });
          if (choice.finish_reason === 'stop') choice.finish_reason = 'tool_calls';
        } else if (message.refusal === null) message.content ??= '';
      }
      // Each choice has its finish now.
      return snapshot as ChatCompletion;
    },
  };
}

/** Texts and lists grow, whatever their name is; another value replaces the one before. */
function addDelta(message: object, delta: object): void {
  const known = message as Record<string, unknown>;
  const given = delta as Record<string, unknown>;
  for (const name in given) {
    const value = given[name];
    if (value == null || value === '' || ownRule.has(name)) continue;
    const before = known[name];
    if (typeof value === 'string') known[name] = typeof before === 'string' ? before + value : value;
    else known[name] = Array.isArray(value) ? joined(before, value) : value;
  }
  const { reasoning, reasoning_content: named } = given;
  if (typeof reasoning === 'string' && named == null) addDelta(message, { reasoning_content: reasoning });
}

/** Grows the list that is there, which is a copy: the chunks belong to the reader. */
function joined<Item>(before: unknown, next: readonly Item[]): Item[] {
  if (!Array.isArray(before)) return [...next];
  before.push(...next);
  return before;
}
