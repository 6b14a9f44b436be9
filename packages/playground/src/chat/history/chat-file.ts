import { isObject, parsed } from '../../api/json.ts';
import { readSavedChat, type SavedChat } from './saved-chat.ts';

const format = 'tailrace-chats';

/** Chats as a file that `readChatFile` reads. It has no key: chats have none. */
export function chatFile(chats: readonly SavedChat[]): string {
  return `${JSON.stringify({ format, version: 1, chats }, undefined, 2)}\n`;
}

export const maxFileBytes = 64 * 1024 * 1024;

/** Reads the chats of a file that anybody may have written; undefined where it is no such file. What does not fit is left out. */
export function readChatFile(text: string): readonly SavedChat[] | undefined {
  const file = parsed(text);
  if (!isObject(file) || file['format'] !== format || !Array.isArray(file['chats'])) return undefined;
  const read = file['chats'].flatMap((chat: unknown) => readSavedChat(chat) ?? []);
  return [...new Map(read.map((chat) => [chat.id, chat])).values()];
}

/**
 * What is new in imported chats. One that is here already in the same words is left out; one that differs comes as another chat, so that
 * nothing here is overwritten.
 */
export function newOnes(
  imported: readonly SavedChat[],
  here: readonly SavedChat[],
  newId: () => string,
): readonly SavedChat[] {
  const known = new Map(here.map((chat) => [chat.id, JSON.stringify(chat.draft)]));
  return imported.flatMap((chat) => {
    const same = known.get(chat.id);
    if (same === undefined) return chat;
    return same === JSON.stringify(chat.draft) ? [] : { ...chat, id: newId() };
  });
}
