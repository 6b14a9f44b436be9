import { useEffect, useRef } from 'react';
import { createShortcutReader, type ShortcutId } from './shortcuts.ts';
import { takesLetters } from './single-letters.ts';

type Actions = Partial<Readonly<Record<ShortcutId, () => void>>>;

/** Does these things when their keys are pressed, as long as the element is there. */
export function useShortcuts(actions: Actions): void {
  const current = useRef(actions);
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    const read = createShortcutReader(() => performance.now());
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || event.repeat || isModifier(event.key)) return;
      // A window over the page has its own keys.
      if (document.querySelector('dialog[open]') !== null) return;
      const id = read(event, isTyped(event.target), takesLetters());
      const action = id && current.current[id];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}

function isModifier(key: string): boolean {
  return ['Shift', 'Alt', 'Control', 'Meta', 'AltGraph'].includes(key);
}

/** Letters belong to fields, and to lists of choices, which find their entries by them. */
function isTyped(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName);
}
