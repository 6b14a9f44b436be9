import type { ReactNode } from 'react';
import { Brand } from '../elements/brand.tsx';
import { consoleAddress, playgroundAddress, type Route } from './route.ts';

interface TopBarProps {
  readonly place: Route['place'];
  onSignOut(): void;
  onShortcuts(): void;
}

export function TopBar({ place, onSignOut, onShortcuts }: TopBarProps): ReactNode {
  return (
    <header className="top">
      <h1>
        <Brand inBar />
      </h1>
      <nav aria-label="Places">
        <a href={playgroundAddress} aria-current={place === 'playground' ? 'page' : undefined}>
          Playground
        </a>
        <a href={consoleAddress('overview')} aria-current={place === 'console' ? 'page' : undefined}>
          Console
        </a>
        <a href="/docs">Docs</a>
      </nav>
      <div className="apart">
        <button
          type="button"
          className="quiet"
          aria-haspopup="dialog"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={onShortcuts}
        >
          ?
        </button>
        <button type="button" className="quiet" onClick={onSignOut}>
          Sign out
        </button>
      </div>
    </header>
  );
}
