import type { Passage } from '../reading/doc-page.ts';
import type { FoundPassage, PassageFinder } from '../search/find-passages.ts';
import { excerptOf } from './excerpt.ts';

const most = 8;

/**
 * The field at the top: what is found while one types stands below it. Enter goes to the chosen one, else the form asks the server,
 * as it does without this script.
 */
export function serveSearch(field: HTMLInputElement): void {
  const list = document.createElement('ul');
  list.id = 'found';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'What was found');
  list.hidden = true;
  field.after(list);
  field.setAttribute('role', 'combobox');
  field.setAttribute('aria-controls', list.id);
  field.setAttribute('aria-expanded', 'false');
  field.setAttribute('aria-autocomplete', 'list');
  let finder: Promise<PassageFinder> | undefined;
  let chosen = -1;

  const options = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>('[role="option"]')];
  const show = (isShown: boolean): void => {
    list.hidden = !isShown;
    field.setAttribute('aria-expanded', String(isShown));
    if (!isShown) choose(-1);
  };
  function choose(at: number): void {
    chosen = at;
    options().forEach((option, place) => {
      option.setAttribute('aria-selected', String(place === at));
      if (place === at) option.scrollIntoView({ block: 'nearest' });
    });
    if (at < 0) field.removeAttribute('aria-activedescendant');
    else field.setAttribute('aria-activedescendant', `found-${at}`);
  }

  async function search(): Promise<void> {
    const asked = field.value.trim();
    if (asked === '') return show(false);
    finder ??= loadFinder();
    const found = (await finder).find(field.value.trimStart(), { typing: true, most });
    if (field.value.trim() !== asked) return;
    list.replaceChildren(
      ...(found.length === 0 ? [nothing()] : found.map((one, at) => optionOf(one, at, asked))),
    );
    chosen = -1;
    show(true);
  }

  field.addEventListener('focus', () => {
    finder ??= loadFinder();
    if (field.value.trim() !== '') void search();
  });
  field.addEventListener('input', () => void search());
  field.addEventListener('keydown', (event) => {
    const count = options().length;
    if (event.key === 'Escape') {
      if (list.hidden) field.blur();
      else show(false);
    } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !list.hidden && count > 0) {
      const step = event.key === 'ArrowDown' ? 1 : -1;
      choose(chosen < 0 && step < 0 ? count - 1 : (chosen + step + count) % count);
    } else if (event.key === 'Enter' && chosen >= 0) {
      go(options()[chosen], event);
    } else return;
    event.preventDefault();
  });
  const form = field.form;
  form?.addEventListener('focusout', (event) => {
    if (!(event.relatedTarget instanceof Node && form.contains(event.relatedTarget))) show(false);
  });
  // A press on the list must not take the focus from the field before it is a click.
  list.addEventListener('mousedown', (event) => event.preventDefault());
  list.addEventListener('click', (event) => {
    show(false);
    if (event.target instanceof Element) go(event.target.closest('[role="option"]'), event);
  });
  // An export has no server that could answer.
  form?.addEventListener('submit', (event) => {
    if (document.documentElement.dataset['isStatic'] !== undefined) event.preventDefault();
  });
  const shortcut = form?.querySelector('kbd');
  if (shortcut) shortcut.hidden = false;
  document.addEventListener('keydown', (event) => {
    const isTyping =
      event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
    const isAsked =
      (event.key === '/' && !isTyping) || (event.key === 'k' && (event.metaKey || event.ctrlKey));
    if (!isAsked || event.altKey || (event.key === '/' && (event.metaKey || event.ctrlKey))) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}

/** An option of a list box holds no link of its own; what browsers do with a link, it does. */
function go(option: Element | null | undefined, { ctrlKey, metaKey }: MouseEvent | KeyboardEvent): void {
  const address = option instanceof HTMLElement ? option.dataset['address'] : undefined;
  if (address === undefined) return;
  if (ctrlKey || metaKey) window.open(address, '_blank', 'noopener');
  else window.location.assign(address);
}

async function loadFinder(): Promise<PassageFinder> {
  const address = document.documentElement.dataset['passages'] ?? '';
  const [{ createFinder }, answer] = await Promise.all([
    import('../search/find-passages.ts'),
    fetch(address),
  ]);
  return createFinder((await answer.json()) as readonly Passage[]);
}

function nothing(): HTMLElement {
  const line = document.createElement('li');
  line.className = 'hint';
  line.textContent = 'Nothing was found.';
  return line;
}

function optionOf(
  { slug, anchor, title, headings, text }: FoundPassage,
  at: number,
  asked: string,
): HTMLElement {
  const { docs, isStatic } = document.documentElement.dataset;
  const item = document.createElement('li');
  item.id = `found-${at}`;
  item.setAttribute('role', 'option');
  item.setAttribute('aria-selected', 'false');
  item.dataset['address'] =
    `${docs}/${slug}${isStatic === undefined ? '' : '.html'}${anchor === '' ? '' : `#${anchor}`}`;
  const place = document.createElement('span');
  place.className = 'place';
  place.textContent = [title, ...headings.slice(0, -1)].join(' › ');
  const name = document.createElement('strong');
  name.textContent = headings.at(-1) ?? title;
  const excerpt = document.createElement('span');
  excerpt.className = 'excerpt';
  for (const { text: part, isAsked } of excerptOf(text, asked)) {
    const piece = document.createElement(isAsked ? 'mark' : 'span');
    piece.textContent = part;
    excerpt.append(piece);
  }
  item.append(...(headings.length === 0 ? [] : [place]), name, excerpt);
  return item;
}
