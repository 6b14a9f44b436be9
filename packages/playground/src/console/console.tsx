import { type ComponentType, lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';
import type { Connection } from '../api/connection.ts';
import { type ConsoleView, consoleAddress, consoleViews } from '../app/route.ts';
import './console.css';

export interface ViewProps {
  readonly connection: Connection;
  /** What the address keeps for the view: change it by going to another `consoleAddress`. */
  readonly query: URLSearchParams;
}

/** Each view is loaded when it is first shown. */
const views: Readonly<Record<ConsoleView, ComponentType<ViewProps>>> = {
  overview: lazy(async () => ({ default: (await import('./overview/overview.tsx')).Overview })),
  streams: lazy(async () => ({ default: (await import('./streams/live-streams.tsx')).LiveStreams })),
  requests: lazy(async () => ({ default: (await import('./requests/requests.tsx')).Requests })),
  usage: lazy(async () => ({ default: (await import('./usage/usage.tsx')).Usage })),
  keys: lazy(async () => ({ default: (await import('./keys/keys.tsx')).Keys })),
  models: lazy(async () => ({ default: (await import('./models/models.tsx')).Models })),
  configuration: lazy(async () => ({
    default: (await import('./configuration/configuration.tsx')).Configuration,
  })),
};

interface ConsoleProps extends ViewProps {
  readonly view: ConsoleView;
  readonly isAdmin: boolean;
}

export function Console({ view, isAdmin, connection, query }: ConsoleProps): ReactNode {
  if (!isAdmin) return <AdminOnly />;
  const View = views[view];
  return (
    <div className="console">
      <Views view={view} />
      <main>
        <Suspense fallback={<p className="hint" aria-busy="true" />}>
          <View key={view} connection={connection} query={query} />
        </Suspense>
      </main>
    </div>
  );
}

function Views({ view }: { view: ConsoleView }): ReactNode {
  const nav = useRef<HTMLElement>(null);
  // On a phone they scroll sideways.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another view has another link.
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [view]);
  return (
    <nav ref={nav} aria-label="Console">
      {consoleViews.map(({ id, name }) => (
        <a key={id} href={consoleAddress(id)} aria-current={id === view ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

function AdminOnly(): ReactNode {
  return (
    <main className="console-closed">
      <h2>The console takes an admin key</h2>
      <p>
        You are signed in with an API key, which may use the models. Sign out, and sign in with the admin key:
        the first start has put one into <code>data/admin-key</code>. Or have <code>node launch console</code>{' '}
        print an address that signs this browser in.
      </p>
    </main>
  );
}
