import { lazy, type ReactNode, Suspense } from 'react';
import type { History } from '../chat/history/history.ts';
import type { Playground } from '../chat/playground.ts';
import { useWatched, type Watched } from '../elements/signal.ts';
import { WithInstruments } from '../playground/instruments.tsx';
import { PlaygroundView } from '../playground/playground-view.tsx';
import type { Access } from './access.ts';
import type { Route } from './route.ts';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

/** Who only tries a model never loads it. */
const Console = lazy(async () => ({ default: (await import('../console/console.tsx')).Console }));

interface AppProps {
  readonly access: Access;
  readonly playground: Playground;
  readonly history: History;
  readonly route: Watched<Route>;
}

export function App({ access, playground, history, route }: AppProps): ReactNode {
  const { status, failure, models, isAdmin } = useWatched(access);
  const where = useWatched(route);
  if (status === 'looking') return <main className="looking" aria-busy="true" />;
  if (status === 'refused')
    return (
      <SignIn failure={failure} onSignIn={(key) => access.signIn(key)} hasProvider={access.hasProvider} />
    );
  return (
    <div className="page">
      <TopBar place={where.place} onSignOut={() => access.signOut()} />
      {where.place === 'playground' ? (
        <WithInstruments models={models} connection={access.connection()} mayReadRecords={isAdmin}>
          <PlaygroundView playground={playground} history={history} models={models} />
        </WithInstruments>
      ) : (
        <Suspense fallback={<main className="looking" aria-busy="true" />}>
          <Console connection={access.connection()} view={where.view} query={where.query} isAdmin={isAdmin} />
        </Suspense>
      )}
    </div>
  );
}
