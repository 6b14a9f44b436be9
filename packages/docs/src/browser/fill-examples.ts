import { createConnection } from '../../../playground/src/api/connection.ts';
import { keptKeyName } from '../../../playground/src/api/kept-key.ts';
import type { FillKind } from '../code/fills.ts';

const modelName = 'tailrace-docs-model';

/**
 * Puts into the examples what this tab knows: its key, which the playground keeps in it, and the model that the reader chooses among
 * those of the key. The key goes into the page only, and to the server that it belongs to.
 */
export async function fillExamples(): Promise<void> {
  const { isStatic, keyless } = document.documentElement.dataset;
  if (isStatic !== undefined) return;
  const key = window.sessionStorage.getItem(keptKeyName) ?? undefined;
  if (key === undefined && keyless === undefined) return;
  if (key !== undefined) fill('key', key);
  const pick = document.querySelector<HTMLSelectElement>('#model');
  const listed = await createConnection((input, init) => window.fetch(input, init), key).models();
  if (pick === null || !listed.ok || listed.value.length === 0) {
    // A key that is not taken helps in no example.
    if (key !== undefined && !listed.ok) fill('key', '$TAILRACE_API_KEY');
    return;
  }
  const ids = listed.value.map(({ id }) => id);
  const kept = window.sessionStorage.getItem(modelName);
  const chosen = [kept, 'default', ids[0]].find((id) => typeof id === 'string' && ids.includes(id)) ?? '';
  pick.replaceChildren(...ids.map((id) => new Option(id, id, false, id === chosen)));
  pick.addEventListener('change', () => {
    window.sessionStorage.setItem(modelName, pick.value);
    fill('model', pick.value);
  });
  fill('model', chosen);
  const label = pick.closest('label');
  if (label !== null) label.hidden = false;
}

function fill(kind: FillKind, value: string): void {
  for (const place of document.querySelectorAll(`[data-fill="${kind}"]`)) place.textContent = value;
}
