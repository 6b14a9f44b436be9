import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.unstubAllGlobals());

test('where the storage is full, a reload does not find an older chat', async () => {
  const kept = new Map<string, string>();
  let isFull = false;
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem(key: string, text: string) {
      if (isFull) throw new DOMException('full', 'QuotaExceededError');
      kept.set(key, text);
    },
    removeItem: (key: string) => kept.delete(key),
  });
  vi.resetModules();
  const { browserPage } = await import('./page.ts');
  browserPage.write('chat', { messages: ['old'] });
  expect(browserPage.read('chat')).toEqual({ messages: ['old'] });
  isFull = true;
  browserPage.write('chat', { messages: ['old', 'new'] });
  expect(browserPage.read('chat')).toBeNull();
});
