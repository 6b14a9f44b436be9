import { type ReactNode, useEffect, useRef } from 'react';

interface PanelFrameProps {
  readonly name: string;
  /** It holds long lines. */
  readonly isWide?: true;
  /** It gets the focus when it appears: Escape closes it then, and screen readers say its name. */
  readonly takesFocus?: true;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  onClose(): void;
}

export function PanelFrame(props: PanelFrameProps): ReactNode {
  const { name, isWide, takesFocus, actions, children, onClose } = props;
  const frame = useRef<HTMLElement>(null);
  useEffect(() => {
    if (takesFocus) frame.current?.focus();
  }, [takesFocus]);
  return (
    <aside
      ref={frame}
      tabIndex={takesFocus ? -1 : undefined}
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
