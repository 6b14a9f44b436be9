import { lazy, type ReactNode, Suspense, useState } from 'react';
import type { Access } from '../api/access.ts';
import type { History } from '../chat/history/history.ts';
import type { Playground } from '../chat/playground.ts';
import { WithInstruments } from '../playground/instruments.tsx';
import { PlaygroundView } from '../playground/playground-view.tsx';
import { useShortcuts } from '../shortcuts/use-shortcuts.ts';
import type { Watched } from '../signals/signal.ts';
import { useWatched } from '../signals/use-watched.ts';
import { consoleAddress, playgroundAddress, type Route } from './route.ts';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

/** Who only tries a model never loads it. */
const Console = lazy(async () => ({ default: (await import('../console/console.tsx')).Console }));
const ShortcutsDialog = lazy(async () => ({
  default: (await import('../shortcuts/shortcuts-dialog.tsx')).ShortcutsDialog,
}));

interface AppProps {
  readonly access: Access;
  readonly playground: Playground;
  readonly history: History;
  readonly route: Watched<Route>;
}

export function App({ access, playground, history, route }: AppProps): ReactNode {
  const { status, failure, models, isAdmin } = useWatched(access);
  const where = useWatched(route);
  const [showsShortcuts, setShowsShortcuts] = useState(false);
  const go = (address: string): void => {
    window.location.hash = address;
  };
  useShortcuts(
    status !== 'open'
      ? {}
      : {
          help: () => setShowsShortcuts(true),
          goPlayground: () => go(playgroundAddress),
          goConsole: () => go(consoleAddress('overview')),
        },
  );
  if (status === 'looking') return <main className="looking" aria-busy="true" />;
  if (status === 'refused')
    return (
      <SignIn failure={failure} onSignIn={(key) => access.signIn(key)} hasProvider={access.hasProvider} />
    );
  return (
    <div className="page">
      <TopBar
        place={where.place}
        onSignOut={() => access.signOut()}
        onShortcuts={() => setShowsShortcuts(true)}
      />
      {where.place === 'playground' ? (
        <WithInstruments models={models} connection={access.connection()} mayReadRecords={isAdmin}>
          <PlaygroundView {...{ playground, history, models }} connection={access.connection()} />
        </WithInstruments>
      ) : (
        <Suspense fallback={<main className="looking" aria-busy="true" />}>
          <Console connection={access.connection()} view={where.view} query={where.query} isAdmin={isAdmin} />
        </Suspense>
      )}
      {showsShortcuts && (
        <Suspense>
          <ShortcutsDialog onClose={() => setShowsShortcuts(false)} />
        </Suspense>
      )}
    </div>
  );
}
