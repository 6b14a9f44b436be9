import type { Message } from '../../domain/chat-request.ts';

/**
 * The ids of tool calls for the API. It accepts only letters, digits, `_` and `-`, and demands that all calls of a request have
 * different ids. Clients of other providers send other characters, and the same id in several turns (`call_0`).
 */
export interface ToolUseIds {
  /** The id of a call, by the index of its message and its index in it. */
  ofCall(message: number, call: number): string;
  /** The id of the call to which the tool message at that index is the result. */
  ofResult(message: number): string;
}

/**
 * Chooses the ids in one pass over the messages. An id that the API accepts stays at its first use. In other ids the refused
 * characters are replaced, and a number is appended until the id is unique. The same history gets the same ids, so that the
 * provider's cache of a prefix still matches.
 */
export function createToolUseIds(messages: readonly Message[]): ToolUseIds {
  const calls = new Map<number, readonly string[]>();
  const results = new Map<number, string>();
  const used = new Set<string>();
  // A changed id must not equal an accepted id that comes later in the messages.
  const staying = new Set(
    messages.flatMap((message) =>
      message.role === 'assistant' ? message.toolCalls.map(({ id }) => id).filter(isAccepted) : [],
    ),
  );
  /** The next number to try, by stem: all smaller numbers are used. */
  const numbers = new Map<string, number>();
  /**
   * The calls with one id of the client since the last user's message, oldest first, and how many of them have their result.
   */
  let open = new Map<string, { readonly names: string[]; answered: number }>();

  function fresh(id: string): string {
    const stem = id.replace(/[^a-zA-Z0-9_-]/g, '_') || 'call';
    let name = stem;
    while (used.has(name) || (name !== id && staying.has(name))) {
      const count = numbers.get(stem) ?? 2;
      numbers.set(stem, count + 1);
      name = `${stem}_${count}`;
    }
    used.add(name);
    return name;
  }

  for (const [index, message] of messages.entries()) {
    if (message.role === 'user') open = new Map();
    else if (message.role === 'assistant') {
      const names = message.toolCalls.map(({ id }) => {
        const name = fresh(id);
        const same = open.get(id);
        if (same === undefined) open.set(id, { names: [name], answered: 0 });
        else same.names.push(name);
        return name;
      });
      calls.set(index, names);
    } else if (message.role === 'tool') {
      const same = open.get(message.toolCallId);
      const name = same?.names[same.answered];
      if (same !== undefined && name !== undefined) same.answered += 1;
      results.set(index, name ?? fresh(message.toolCallId));
    }
  }
  return {
    ofCall: (message, call) => calls.get(message)?.[call] ?? '',
    ofResult: (message) => results.get(message) ?? '',
  };
}

function isAccepted(id: string): boolean {
  return /^[a-zA-Z0-9_-]+$/.test(id);
}
