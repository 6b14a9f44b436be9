import { isObject, parsed } from '../../api/json.ts';
import { type Draft, draftOf, emptyDraft } from '../chat-state.ts';
import { readDraft } from '../kept-page.ts';
import { branchOf, type Message, type MessageTree } from '../message-tree.ts';

/** Longer addresses are cut off by mail programs and messengers, and refused by some proxies that log them. */
export const maxLinkLength = 30_000;

/** What a link of that length holds at most once it is read: text packs well, and a bomb packs a thousand times better. */
const maxTextBytes = 4 * 1024 * 1024;

const name = '#share=';

/** The fragment of an address that shows this chat elsewhere: its request and the branch that is shown, without figures and ids. */
export async function shareFragment(draft: Draft): Promise<string> {
  const text = JSON.stringify({ v: 1, draft: { ...draftOf(draft), tree: bareBranch(draft.tree) } });
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return name + base64url(new Uint8Array(await new Response(packed).arrayBuffer()));
}

export function isShareFragment(fragment: string): boolean {
  return fragment.startsWith(name);
}

/**
 * Reads what `shareFragment` has made, or anybody: undefined where it is nothing of the kind. The ids of its messages are made anew, so that
 * they are those of no other chat.
 */
export async function readShare(fragment: string, newId: () => string): Promise<Draft | undefined> {
  if (!isShareFragment(fragment) || fragment.length > name.length + maxLinkLength) return undefined;
  const bytes = bytesOf(fragment.slice(name.length));
  const text = bytes === undefined ? undefined : await unpacked(bytes).catch(() => undefined);
  const shared = text === undefined ? undefined : parsed(text);
  if (!isObject(shared) || shared['v'] !== 1 || !isObject(shared['draft'])) return undefined;
  const draft = draftOf({ ...emptyDraft, ...readDraft(shared['draft']) });
  return { ...draft, tree: withNewIds(draft.tree, newId) };
}

/** One branch, its messages named by their places. */
function bareBranch(tree: MessageTree): MessageTree {
  return inLine(
    branchOf(tree).map((message) => {
      const { facts: _, ...bare } = message;
      return bare;
    }),
    String,
  );
}

function withNewIds(tree: MessageTree, newId: () => string): MessageTree {
  return inLine(
    branchOf(tree).map((message) => ({ ...message, facts: undefined })),
    newId,
  );
}

/** Messages one behind the other, under other ids. */
function inLine(messages: readonly Message[], idOf: (place: number) => string): MessageTree {
  let parentId: string | null = null;
  const all = messages.map((message, place) => {
    const id = idOf(place);
    const moved = { ...message, id, parentId };
    parentId = id;
    return moved;
  });
  return { all, leafId: parentId };
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > maxTextBytes) {
      await reader.cancel();
      throw new RangeError('more than a shared chat holds');
    }
    text += decoder.decode(value, { stream: true });
  }
}

function base64url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
