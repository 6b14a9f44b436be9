import type { Draft } from './chat-state.ts';
import { branchOf, type Message, withMessage } from './message-tree.ts';
import { parameterValues } from './parameters.ts';
import { formatJson } from './response-format.ts';
import { areWhole } from './tool-results.ts';
import { toolsJson } from './tools.ts';

/** The JSON body of the request, as it is sent and as the code samples show it. */
export type RequestBody = Readonly<Record<string, unknown>>;

export function requestBody({ model, system, tree, parameters, tools, format, stream }: Draft): RequestBody {
  return {
    model,
    messages: [
      ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
      ...branchOf(tree).flatMap(messageJson),
    ],
    ...(tools.all.length === 0 ? {} : { tools: toolsJson(tools) }),
    ...formatJson(format),
    ...(stream ? { stream: true } : {}),
    ...parameterValues(parameters),
  };
}

function messageJson(message: Message): readonly object[] {
  const { role, text, calls = [], callId } = message;
  if (role === 'tool') return [{ role, tool_call_id: callId, content: text }];
  if (calls.length === 0) return [{ role, content: text }];
  // Calls that broke off cannot be sent: their arguments are no JSON.
  if (!areWhole(message)) return text === '' ? [] : [{ role, content: text }];
  const toolCalls = calls.map(({ id, name, arguments: json }) => ({
    id,
    type: 'function',
    function: { name, arguments: json },
  }));
  return [{ role, content: text === '' ? null : text, tool_calls: toolCalls }];
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
