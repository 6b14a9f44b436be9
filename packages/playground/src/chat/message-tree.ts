import type { AnswerFacts } from './answer.ts';
import type { AskedFormat } from './response-format.ts';

/** A call of a tool, as the model has asked for it. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON; it may be incomplete while it streams. */
  readonly arguments: string;
}

export interface Message {
  readonly id: string;
  /** The message that this one follows; null for a first one. */
  readonly parentId: string | null;
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly thoughts: string;
  /** Only of an answer. */
  readonly calls?: readonly ToolCall[] | undefined;
  /** Only of an answer that should be JSON. */
  readonly format?: AskedFormat | undefined;
  /** The call whose result this is: only of the role `tool`. */
  readonly callId?: string | undefined;
  /** Only of an answer, and only where it was made here and not written by hand. */
  readonly facts?: AnswerFacts | undefined;
}

/**
 * All messages of a chat. Each knows the one before it, so a message can have several next ones: an answer that was made again, or a
 * question that was asked another way. One branch is shown:
 *
 *     question ─┬─ answer
 *               └─ another answer ── question ── answer ← leaf
 */
export interface MessageTree {
  /** In the order in which they were made. */
  readonly all: readonly Message[];
  /** The last message of the branch that is shown; null where there is none. */
  readonly leafId: string | null;
}

export const noMessages: MessageTree = { all: [], leafId: null };

/** The messages of the branch that is shown, the first one first. */
export function branchOf({ all, leafId }: MessageTree): readonly Message[] {
  const byId = new Map(all.map((message) => [message.id, message]));
  const branch: Message[] = [];
  for (let at = byId.get(leafId ?? ''); at !== undefined; at = byId.get(at.parentId ?? '')) {
    branch.push(at);
    // A file that was imported may hold a circle.
    byId.delete(at.id);
  }
  return branch.reverse();
}

/** The message and those that stand in its place in other branches, in the order in which they were made. */
export function alternativesTo(tree: MessageTree, id: string): readonly Message[] {
  const message = tree.all.find((one) => one.id === id);
  return message === undefined ? [] : tree.all.filter(({ parentId }) => parentId === message.parentId);
}

/** Shows the branch that leads through this message, down to the newest message below it. */
export function showing(tree: MessageTree, id: string): MessageTree {
  let leafId = id;
  const seen = new Set([leafId]);
  for (;;) {
    const next = tree.all.findLast(({ parentId }) => parentId === leafId);
    if (next === undefined || seen.has(next.id)) return { ...tree, leafId };
    leafId = next.id;
    seen.add(leafId);
  }
}

/** Adds a message behind its parent and shows its branch. */
export function withMessage(tree: MessageTree, message: Message): MessageTree {
  return { all: [...tree.all, message], leafId: message.id };
}

export function changed(tree: MessageTree, id: string, next: Partial<Message>): MessageTree {
  return { ...tree, all: tree.all.map((message) => (message.id === id ? { ...message, ...next } : message)) };
}

/** The messages that follow this one, in all branches. */
export function following(tree: MessageTree, id: string): readonly Message[] {
  const ids = new Set([id]);
  // A message stands behind the one that it follows, but a file that was imported may have another order.
  for (let before = 0; before !== ids.size; ) {
    before = ids.size;
    for (const { id: one, parentId } of tree.all) if (ids.has(parentId ?? '')) ids.add(one);
  }
  return tree.all.filter((one) => one.id !== id && ids.has(one.id));
}

/** Takes a message out with all that follows it. */
export function withoutBranch(tree: MessageTree, id: string): MessageTree {
  const gone = new Set(following(tree, id));
  const all = tree.all.filter((one) => !gone.has(one));
  const isShown = all.some((one) => one.id === tree.leafId);
  return without({ all, leafId: isShown ? tree.leafId : id }, id);
}

/** Takes one message out: what followed it follows the one before it now. */
export function without(tree: MessageTree, id: string): MessageTree {
  const message = tree.all.find((one) => one.id === id);
  if (message === undefined) return tree;
  const { parentId } = message;
  const all = tree.all
    .filter((one) => one.id !== id)
    .map((one) => (one.parentId === id ? { ...one, parentId } : one));
  const left = { all, leafId: tree.leafId === id ? parentId : tree.leafId };
  // Another version of the message may be left: else nothing would lead to it any more.
  if (left.leafId !== null) return tree.leafId === id ? showing(left, left.leafId) : left;
  if (all.length === 0) return left;
  // The only message of its branch is gone: another branch is shown, if there is one.
  const first = all.findLast((one) => one.parentId === null);
  return first === undefined ? noMessages : showing(left, first.id);
}
