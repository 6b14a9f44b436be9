import type { ReactNode } from 'react';

interface PanelFrameProps {
  readonly name: string;
  /** It holds long lines. */
  readonly isWide?: true;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  onClose(): void;
}

export function PanelFrame({ name, isWide, actions, children, onClose }: PanelFrameProps): ReactNode {
  return (
    <aside
      className={isWide ? 'panel wide' : 'panel'}
      aria-label={name}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <header>
        <h2>{name}</h2>
        <span className="row">
          {actions}
          <button type="button" className="quiet" aria-label={`Close ${name}`} onClick={onClose}>
            Close
          </button>
        </span>
      </header>
      {children}
    </aside>
  );
}
