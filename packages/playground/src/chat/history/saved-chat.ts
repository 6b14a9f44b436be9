import { isObject } from '../../api/json.ts';
import { type Draft, draftOf, emptyDraft } from '../chat-state.ts';
import { readDraft } from '../kept-page.ts';
import { branchOf, type MessageTree } from '../message-tree.ts';

/** A chat as the browser keeps it. */
export interface SavedChat {
  readonly id: string;
  /** The name that a person gave it; without one its first words stand for it. */
  readonly title?: string | undefined;
  /** Unix milliseconds of its last change. */
  readonly changedMs: number;
  readonly draft: Draft;
}

/** Reads a chat that came from outside; undefined where it holds no message. */
export function readSavedChat(value: unknown): SavedChat | undefined {
  if (!isObject(value)) return undefined;
  const { id, title, changedMs, draft } = value;
  const read = draftOf({ ...emptyDraft, ...readDraft(draft) });
  if (typeof id !== 'string' || id === '' || read.tree.all.length === 0) return undefined;
  return {
    id,
    ...(typeof title === 'string' && title.trim() !== '' ? { title } : {}),
    changedMs: typeof changedMs === 'number' && Number.isFinite(changedMs) ? changedMs : 0,
    draft: { ...read, tree: withoutRunning(read.tree) },
  };
}

/** An answer that ran when it was written down does not run where it is read: what has come is all that there is. */
function withoutRunning(tree: MessageTree): MessageTree {
  const all = tree.all.map((message) => {
    const { facts } = message;
    const ran = facts?.state === 'waiting' || facts?.state === 'streaming';
    return ran ? { ...message, facts: { ...facts, state: 'stopped' as const } } : message;
  });
  return { ...tree, all };
}

const titleLength = 60;

/** The name of a chat in a list: its own, or the first words that the user said. */
export function titleOf({ title, draft }: Pick<SavedChat, 'title' | 'draft'>): string {
  if (title !== undefined) return title;
  const { tree } = draft;
  const first = branchOf(tree).find(({ role }) => role === 'user') ?? tree.all[0];
  const words = (first?.text ?? '').trim().replaceAll(/\s+/g, ' ');
  if (words === '') return 'Without words';
  if (words.length <= titleLength) return words;
  const cut = words.slice(0, titleLength);
  const end = cut.lastIndexOf(' ');
  // A high surrogate at the end would be half a character.
  return `${(end > titleLength / 2 ? cut.slice(0, end) : cut).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The newest first. */
export function byDate(chats: readonly SavedChat[]): readonly SavedChat[] {
  return chats.toSorted((a, b) => b.changedMs - a.changedMs);
}

/** The chats that have each of these words, in any of their texts: names, messages of all branches, system prompts. */
export function having(chats: readonly SavedChat[], words: string): readonly SavedChat[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (wanted.length === 0) return chats;
  return chats.filter(({ title, draft }) => {
    const texts = [title ?? '', draft.system, draft.model, ...draft.tree.all.map(({ text }) => text)];
    const all = texts.join('\n').toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}

/** The day of a chat, as the list heads it. */
export function dayOf(chat: SavedChat, nowMs: number): string {
  const day = new Date(chat.changedMs);
  const today = new Date(nowMs);
  const yesterday = new Date(nowMs);
  yesterday.setDate(today.getDate() - 1);
  if (day.toDateString() === today.toDateString()) return 'Today';
  if (day.toDateString() === yesterday.toDateString()) return 'Yesterday';
  return day.toLocaleDateString('en', { day: 'numeric', month: 'long', year: 'numeric' });
}
