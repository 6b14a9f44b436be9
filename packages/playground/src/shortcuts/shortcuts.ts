/** What a key does. Each works outside of fields, and with Alt and Shift everywhere. */
export const shortcuts = [
  { id: 'newChat', keys: 'n', does: 'New chat', group: 'Playground' },
  { id: 'message', keys: 'm', does: 'Go to the message', group: 'Playground' },
  { id: 'stop', keys: 's', does: 'Stop the answer', group: 'Playground' },
  { id: 'regenerate', keys: 'r', does: 'Regenerate', group: 'Playground' },
  { id: 'parameters', keys: 'p', does: 'Parameters', group: 'Playground' },
  { id: 'wire', keys: 'w', does: 'Wire', group: 'Playground' },
  { id: 'code', keys: 'c', does: 'Code', group: 'Playground' },
  { id: 'history', keys: 'h', does: 'History', group: 'Playground' },
  { id: 'goPlayground', keys: 'g p', does: 'Go to the playground', group: 'Everywhere' },
  { id: 'goConsole', keys: 'g c', does: 'Go to the console', group: 'Everywhere' },
  { id: 'help', keys: '?', does: 'This list', group: 'Everywhere' },
] as const;

export type ShortcutId = (typeof shortcuts)[number]['id'];

/** The part of a keyboard event that matters here. */
export interface KeyPress {
  readonly key: string;
  /** The place of the key: with Alt, `key` may be another letter. */
  readonly code: string;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}

/** So long the second key of `g p` may follow the first one. */
const maxPauseMs = 1_500;

/**
 * Reads one key after the other. A letter alone is never taken where text is typed, and not at all where the reader has switched letters
 * off: programs that write by voice send them.
 */
export function createShortcutReader(now: () => number) {
  let prefixMs = -Infinity;
  return (press: KeyPress, isTyping: boolean, takesLetters: boolean): ShortcutId | undefined => {
    const letter = letterOf(press, isTyping || !takesLetters);
    const isSecond = now() - prefixMs < maxPauseMs;
    prefixMs = letter === 'g' && !isSecond ? now() : -Infinity;
    const keys = isSecond ? `g ${letter}` : letter;
    return shortcuts.find((shortcut) => shortcut.keys === keys)?.id;
  };
}

/** Alt and Shift with a letter are free in browsers and screen readers; Ctrl and the command key are not. */
function letterOf(press: KeyPress, wantsModifiers: boolean): string | undefined {
  const { key, code, altKey, shiftKey, ctrlKey, metaKey } = press;
  if (ctrlKey || metaKey) return undefined;
  if (altKey)
    return shiftKey
      ? (/^Key([A-Z])$/.exec(code)?.[1]?.toLowerCase() ?? (code === 'Slash' ? '?' : undefined))
      : undefined;
  if (wantsModifiers) return undefined;
  return key === '?' || !shiftKey ? key : undefined;
}
