const name = 'tailrace-tab';

/** A tab that is chosen in one example is shown in all of them, and on the next pages. The tabs themselves need no script. */
export function joinTabs(): void {
  const radios = [...document.querySelectorAll<HTMLInputElement>('.tabs > input')];
  const show = (tab: string): void => {
    for (const radio of radios) if (radio.value === tab) radio.checked = true;
  };
  for (const radio of radios)
    radio.addEventListener('change', () => {
      // What is above the chosen one may change its height: the chosen one stays where it is on the screen.
      const before = radio.labels?.[0]?.getBoundingClientRect().top ?? 0;
      show(radio.value);
      window.scrollBy(0, (radio.labels?.[0]?.getBoundingClientRect().top ?? 0) - before);
      keep(radio.value);
    });
  const kept = read();
  if (kept !== null) show(kept);
}

function keep(tab: string): void {
  try {
    localStorage.setItem(name, tab);
  } catch {
    // It holds for this page then.
  }
}

function read(): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
