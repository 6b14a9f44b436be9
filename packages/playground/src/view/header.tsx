import type { ReactNode } from 'react';
import type { PageState } from '../chat/chat-state.ts';
import type { Playground } from '../chat/playground.ts';
import { Brand } from './brand.tsx';

export type Panel = 'parameters' | 'wire';

interface HeaderProps {
  readonly state: PageState;
  readonly playground: Playground;
  readonly panel: Panel | undefined;
  onPanel(panel: Panel): void;
  onCode(): void;
}

const tokens = new Intl.NumberFormat('en');

export function Header({ state, playground, panel, onPanel, onCode }: HeaderProps): ReactNode {
  const { models, model, stream, running, failure } = state;
  const chosen = models.find(({ id }) => id === model);
  return (
    <header className="top">
      <h1>
        <Brand />
      </h1>
      <div className="model">
        <label htmlFor="model" className="narrow-unseen">
          Model
        </label>
        <select
          id="model"
          value={model}
          aria-invalid={failure?.param === 'model'}
          onChange={(event) => playground.set({ model: event.target.value })}
        >
          {chosen === undefined && <option value={model}>{model || 'none here'}</option>}
          {models.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
        {chosen?.contextLength !== undefined && (
          <span className="hint context">{tokens.format(chosen.contextLength)} tokens</span>
        )}
      </div>
      <label className="switch">
        <input
          type="checkbox"
          role="switch"
          aria-checked={stream}
          checked={stream}
          onChange={(event) => playground.set({ stream: event.target.checked })}
        />
        Stream
      </label>
      <nav aria-label="Views">
        <button type="button" aria-pressed={panel === 'parameters'} onClick={() => onPanel('parameters')}>
          Parameters
        </button>
        <button type="button" aria-pressed={panel === 'wire'} onClick={() => onPanel('wire')}>
          Wire
        </button>
        <button type="button" aria-haspopup="dialog" onClick={onCode}>
          Code
        </button>
      </nav>
      <div className="apart">
        <button type="button" className="quiet" disabled={running} onClick={() => playground.clear()}>
          New chat
        </button>
        <button type="button" className="quiet" onClick={() => playground.signOut()}>
          Sign out
        </button>
      </div>
    </header>
  );
}
