/** The colour scheme that was chosen; undefined: that of the system. */
export type Scheme = 'light' | 'dark' | undefined;

const name = 'tailrace-scheme';

export function keptScheme(): Scheme {
  try {
    const kept = localStorage.getItem(name);
    return kept === 'light' || kept === 'dark' ? kept : undefined;
  } catch {
    // A browser may refuse its storage.
    return undefined;
  }
}

export function applyScheme(scheme: Scheme): void {
  if (scheme === undefined) delete document.documentElement.dataset['scheme'];
  else document.documentElement.dataset['scheme'] = scheme;
}

function keepScheme(scheme: Scheme): void {
  try {
    if (scheme === undefined) localStorage.removeItem(name);
    else localStorage.setItem(name, scheme);
  } catch {
    // It holds for this page then.
  }
}

const next = new Map<Scheme, Scheme>([
  [undefined, 'light'],
  ['light', 'dark'],
  ['dark', undefined],
]);

/** The button that goes through the schemes; it shows the one that is chosen. */
export function serveSchemeButton(button: HTMLButtonElement): void {
  let scheme = keptScheme();
  const show = (): void => {
    const said = scheme ?? 'system';
    button.textContent = { system: '◐', light: '☀', dark: '☾' }[said];
    button.title = `Colours: ${said}`;
    button.setAttribute('aria-label', `Colours: ${said}`);
    button.dataset['now'] = said;
  };
  button.addEventListener('click', () => {
    scheme = next.get(scheme);
    applyScheme(scheme);
    keepScheme(scheme);
    show();
  });
  show();
  button.hidden = false;
}
