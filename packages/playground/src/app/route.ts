import { createSignal, type Watched } from '../signals/signal.ts';

export const consoleViews = [
  { id: 'overview', name: 'Overview' },
  { id: 'streams', name: 'Live streams' },
  { id: 'requests', name: 'Requests' },
  { id: 'usage', name: 'Usage' },
  { id: 'keys', name: 'Keys' },
  { id: 'models', name: 'Models' },
  { id: 'configuration', name: 'Configuration' },
] as const;
export type ConsoleView = (typeof consoleViews)[number]['id'];

/** Where in the page one is. The fragment says it, so that the server has one page and the browser's history works. */
export type Route =
  | { readonly place: 'playground' }
  | {
      readonly place: 'console';
      readonly view: ConsoleView;
      /** What the view keeps in its address: filters, the request that is shown. */
      readonly query: URLSearchParams;
    };

/** `#/console/requests?status=cut`. Every other fragment is the playground. */
export function routeIn(fragment: string): Route {
  const [, name = '', query = ''] = /^#\/console(?:\/([a-z]*))?(?:\?(.*))?$/.exec(fragment) ?? [];
  if (!fragment.startsWith('#/console')) return { place: 'playground' };
  const view = consoleViews.find(({ id }) => id === name)?.id ?? 'overview';
  return { place: 'console', view, query: new URLSearchParams(query) };
}

/** The address of a view of the console, for a link. Absent and empty values are left out. */
export function consoleAddress(
  view: ConsoleView,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  const text = new URLSearchParams(given).toString();
  return `#/console/${view}${text === '' ? '' : `?${text}`}`;
}

export const playgroundAddress = '#/';

/** The route of the window, as it changes. */
export function watchRoute(page: Window): Watched<Route> {
  const signal = createSignal(routeIn(page.location.hash));
  page.addEventListener('hashchange', () => signal.set(routeIn(page.location.hash)));
  return { state: signal.get, subscribe: signal.subscribe };
}
