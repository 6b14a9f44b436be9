import { describe, expect, test } from 'vitest';
import { createShortcutReader, type KeyPress } from './shortcuts.ts';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  ...{ key, code: `Key${key.toUpperCase()}` },
  ...{ altKey: false, shiftKey: false, ctrlKey: false, metaKey: false },
  ...more,
});
const modified = { altKey: true, shiftKey: true };

describe('a key', () => {
  test('does what the list says, where nothing is typed', () => {
    const read = createShortcutReader(() => 0);
    expect(read(press('n'), false, true)).toBe('newChat');
    expect(read(press('?', { shiftKey: true, code: 'Slash' }), false, true)).toBe('help');
    expect(read(press('x'), false, true)).toBeUndefined();
  });

  test('is text where text is typed, but for Alt and Shift', () => {
    const read = createShortcutReader(() => 0);
    expect(read(press('n'), true, true)).toBeUndefined();
    expect(read(press('Ñ', { ...modified, code: 'KeyN' }), true, true)).toBe('newChat');
  });

  test('alone does nothing where letters are switched off', () => {
    const read = createShortcutReader(() => 0);
    expect(read(press('n'), false, false)).toBeUndefined();
    expect(read(press('N', modified), false, false)).toBe('newChat');
  });

  test.each(['ctrlKey', 'metaKey', 'altKey'] as const)('with %s is the browser’s', (modifier) => {
    const read = createShortcutReader(() => 0);
    expect(read(press('n', { [modifier]: true }), false, true)).toBeUndefined();
  });

  test('may follow another one, soon', () => {
    let now = 0;
    const read = createShortcutReader(() => now);
    expect(read(press('g'), false, true)).toBeUndefined();
    expect(read(press('c'), false, true)).toBe('goConsole');
    read(press('g'), false, true);
    now = 5_000;
    expect(read(press('c'), false, true)).toBe('code');
  });
});
