const name = 'tailrace-letters';

/** Whether letters alone do something. It is a setting of this browser, not of a tab. */
export function takesLetters(): boolean {
  return window.localStorage.getItem(name) !== 'off';
}

export function takeLetters(doesTake: boolean): void {
  if (doesTake) window.localStorage.removeItem(name);
  else window.localStorage.setItem(name, 'off');
}
