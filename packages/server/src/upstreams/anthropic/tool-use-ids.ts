import type { Message } from '../../domain/chat-request.ts';

/**
 * The ids of calls as the API takes them: letters, digits, `_` and `-` (it refuses others), and no two calls of a
 * request alike, which clients of other providers send (`call_0` in every turn).
 */
export interface ToolUseIds {
  /** Of the call at that place; the same for the whole request. */
  ofCall(message: number, call: number): string;
  /** Of the call that the tool message at that place answers. */
  ofResult(message: number): string;
}

/**
 * One pass over the messages. An id that the API takes stays, the first time; another is spelt with what it takes and
 * numbered until it is nobody else's. The same history gives the same ids, so a cached prefix stays one.
 */
export function createToolUseIds(messages: readonly Message[]): ToolUseIds {
  const calls = new Map<number, readonly string[]>();
  const results = new Map<number, string>();
  const used = new Set<string>();
  // Ids that can stay keep their names, wherever they come: those that cannot go around them.
  const staying = new Set(
    messages.flatMap((message) =>
      message.role === 'assistant' ? message.toolCalls.map(({ id }) => id).filter(isTaken) : [],
    ),
  );
  /** By stem: the number to try next, for all before it have been tried. */
  const numbers = new Map<string, number>();
  /** By the client's id: its calls, oldest first, and how many of them have their result. */
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
        const asked = open.get(id);
        if (asked === undefined) open.set(id, { names: [name], answered: 0 });
        else asked.names.push(name);
        return name;
      });
      calls.set(index, names);
    } else if (message.role === 'tool') {
      const asked = open.get(message.toolCallId);
      const name = asked?.names[asked.answered];
      if (asked !== undefined && name !== undefined) asked.answered += 1;
      results.set(index, name ?? fresh(message.toolCallId));
    }
  }
  return {
    ofCall: (message, call) => calls.get(message)?.[call] ?? '',
    ofResult: (message) => results.get(message) ?? '',
  };
}

function isTaken(id: string): boolean {
  return /^[a-zA-Z0-9_-]+$/.test(id);
}
