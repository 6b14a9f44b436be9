import type { Playground } from '../playground.ts';

/**
 * Shows the chat that the address of the page holds, as a new one. The fragment is taken out of the address: a reload would open the chat
 * once more. Nothing is asked of a server for it.
 */
export async function takeShare(page: Window, playground: Playground, newId: () => string): Promise<void> {
  const { hash, pathname } = page.location;
  if (!hash.startsWith('#share=')) return;
  page.history.replaceState(null, '', pathname);
  const { readShare } = await import('./share-link.ts');
  const draft = await readShare(hash, newId);
  const isRead = draft !== undefined;
  playground.openDraft(
    draft,
    isRead ? 'This chat came from a link. Nothing of it has been sent.' : unreadable,
  );
}

const unreadable = 'The link holds no chat that this page can read.';
