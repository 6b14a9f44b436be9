import type { Message } from '../message-tree.ts';
import type { SavedChat } from './saved-chat.ts';

/**
 * Joins the chat of this tab with what the browser has kept of it, so that two tabs that show one chat do not overwrite each other.
 * `base`: the messages that this tab wrote or read last. What this tab has not changed since then is as the other one left it.
 */
export function mergeChats(
  kept: SavedChat | undefined,
  mine: SavedChat,
  base: readonly Message[] | undefined,
): SavedChat {
  if (kept === undefined || base === undefined) return { ...mine, title: mine.title ?? kept?.title };
  const before = new Map(base.map((message) => [message.id, message]));
  const theirs = new Map(kept.draft.tree.all.map((message) => [message.id, message]));
  const own = mine.draft.tree.all.flatMap((message) => {
    // Messages are never changed in place: the same object is the same message.
    if (before.get(message.id) !== message) return [message];
    return theirs.get(message.id) ?? [];
  });
  const ownIds = new Set(own.map(({ id }) => id));
  const added = kept.draft.tree.all.filter(({ id }) => !before.has(id) && !ownIds.has(id));
  const all = added.length === 0 ? own : [...own, ...added];
  const ids = new Set(all.map(({ id }) => id));
  const { leafId } = mine.draft.tree;
  const tree = {
    all: all.map((message) =>
      message.parentId === null || ids.has(message.parentId) ? message : { ...message, parentId: null },
    ),
    leafId: leafId !== null && ids.has(leafId) ? leafId : (all.at(-1)?.id ?? null),
  };
  return { ...mine, title: mine.title ?? kept.title, draft: { ...mine.draft, tree } };
}
