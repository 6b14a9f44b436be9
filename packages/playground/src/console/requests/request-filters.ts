import { consoleAddress } from '../../app/route.ts';

/** The filters by their names in the address, which are also those of the route. */
export const filterNames = ['key_id', 'owner', 'model', 'status', 'tag', 'user', 'since', 'until'] as const;
export type FilterName = (typeof filterNames)[number];
export type Filters = Readonly<Partial<Record<FilterName, string>>>;

export function filtersIn(query: URLSearchParams): Filters {
  const given = filterNames.flatMap((name) => {
    const value = query.get(name) ?? '';
    return value === '' ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

/** The address of the list with these filters, and of one request beside it. The order in which they were set leaves no trace. */
export function requestsAddress(filters: Filters, id?: string): string {
  const inOrder = Object.fromEntries(filterNames.map((name) => [name, filters[name]]));
  return consoleAddress('requests', { ...inOrder, id });
}

/** The path of a page of the list. */
export function listPath(
  filters: Filters,
  options: { readonly limit: number; readonly after?: string },
): string {
  const query = new URLSearchParams({ ...filters, limit: String(options.limit) });
  if (options.after !== undefined) query.set('after', options.after);
  return `/admin/v1/requests?${query}`;
}

/** Whether a text that is being typed can be asked for as it is: half a tag would only be refused. */
export function isWhole(name: FilterName, text: string): boolean {
  if (text === '') return true;
  if (name === 'tag') return /^[^=]+=[^=]+$/.test(text);
  if (name === 'since' || name === 'until')
    return (
      /^\d+(m|h|d)$/.test(text) || /^\d{4}-\d\d-\d\d($|T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$)/.test(text)
    );
  return true;
}
