import { parsed } from '../api/json.ts';
import {
  branchOf,
  type Message,
  type MessageTree,
  type ToolCall,
  withMessage,
  without,
} from './message-tree.ts';
import type { ToolSettings } from './tools.ts';

/** So many answers with calls in a row get mock results; then a person decides. */
export const maxMockTurns = 8;

/** The calls of the last answer that have no result yet. */
export interface OpenCalls {
  readonly messageId: string;
  readonly calls: readonly ToolCall[];
}

/** Undefined where the branch does not end with an answer with calls, or its results, or where its calls have broken off. */
export function openCalls(tree: MessageTree): OpenCalls | undefined {
  const branch = branchOf(tree);
  const asking = branch.findLast(({ role }) => role !== 'tool');
  if (asking?.calls === undefined || !areWhole(asking)) return undefined;
  const given = resultsOf(branch, asking).map(({ callId }) => callId);
  const calls = asking.calls.filter(({ id }) => !given.includes(id));
  return calls.length === 0 ? undefined : { messageId: asking.id, calls };
}

/** Calls whose stream was cut have no end: nobody can answer them, and no server takes them back. */
export function areWhole({ calls = [], facts }: Message): boolean {
  const hasEnded = facts === undefined || facts.state === 'done';
  return calls.length > 0 && (hasEnded || calls.every(({ arguments: json }) => parsed(json) !== undefined));
}

/** The results that follow this answer in its branch. */
export function resultsOf(branch: readonly Message[], answer: Message): readonly Message[] {
  const at = branch.indexOf(answer);
  const after = branch.slice(at + 1);
  const end = after.findIndex(({ role }) => role !== 'tool');
  return at === -1 ? [] : end === -1 ? after : after.slice(0, end);
}

/** Puts the results behind the answer that has asked for them; by the ids of its calls. */
export function withResults(
  tree: MessageTree,
  results: ReadonlyMap<string, string>,
  newId: () => string,
): MessageTree {
  let grown = tree;
  for (const [callId, text] of results) {
    const result: Message = { id: newId(), parentId: grown.leafId, role: 'tool', text, thoughts: '', callId };
    grown = withMessage(grown, result);
  }
  return grown;
}

/** Takes out an answer and the results of its calls, which mean nothing without it. */
export function withoutAnswer(tree: MessageTree, id: string): MessageTree {
  const callIds = tree.all.find((message) => message.id === id)?.calls?.map((call) => call.id) ?? [];
  let left = tree;
  const behind = new Set([id]);
  for (const message of tree.all) {
    if (message.role !== 'tool' || !behind.has(message.parentId ?? '')) continue;
    if (!callIds.includes(message.callId ?? '')) continue;
    behind.add(message.id);
    left = without(left, message.id);
  }
  return without(left, id);
}

/** The mock result of each call; undefined where one has none, or where a person should look first. */
export function mockResults(
  { all, answersFromMock }: ToolSettings,
  tree: MessageTree,
): ReadonlyMap<string, string> | undefined {
  const open = openCalls(tree);
  if (!answersFromMock || open === undefined || mockTurns(tree) > maxMockTurns) return undefined;
  const results = new Map<string, string>();
  for (const { id, name } of open.calls) {
    const mock = all.find((tool) => tool.name === name)?.mock ?? '';
    if (mock === '') return undefined;
    results.set(id, mock);
  }
  return results;
}

/** How many answers with calls have come since a person has said something. */
export function mockTurns(tree: MessageTree): number {
  const branch = branchOf(tree);
  const said = branch.findLastIndex(({ role }) => role === 'user');
  return branch.slice(said + 1).filter(({ calls }) => calls !== undefined).length;
}
