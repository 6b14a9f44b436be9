import type { Draft } from './chat-state.ts';
import { branchOf, type Message, withMessage } from './message-tree.ts';
import { parameterValues } from './parameters.ts';

/** The JSON body of the request, as it is sent and as the code samples show it. */
export type RequestBody = Readonly<Record<string, unknown>>;

export function requestBody({ model, system, tree, parameters, stream }: Draft): RequestBody {
  return {
    model,
    messages: [
      ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
      ...branchOf(tree).map(messageJson),
    ],
    ...parameterValues(parameters),
    ...(stream ? { stream: true } : {}),
  };
}

function messageJson({ role, text, calls, callId }: Message): object {
  if (role === 'tool') return { role, tool_call_id: callId, content: text };
  if (calls === undefined || calls.length === 0) return { role, content: text };
  const toolCalls = calls.map(({ id, name, arguments: json }) => ({
    id,
    type: 'function',
    function: { name, arguments: json },
  }));
  return { role, content: text === '' ? null : text, tool_calls: toolCalls };
}

/** The request that `Send` would send now, with this text; without one, that of `Regenerate`. */
export function nextRequest(draft: Draft, typed: string): RequestBody {
  const { tree } = draft;
  const text = typed.trim();
  if (text !== '') {
    const said: Message = { id: 'typed', parentId: tree.leafId, role: 'user', text, thoughts: '' };
    return requestBody({ ...draft, tree: withMessage(tree, said) });
  }
  const last = branchOf(tree).findLast(({ role }) => role !== 'assistant');
  return requestBody({ ...draft, tree: { ...tree, leafId: last?.id ?? null } });
}
