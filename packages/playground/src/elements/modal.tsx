import { type ReactNode, useLayoutEffect, useRef } from 'react';

interface ModalProps {
  readonly name: string;
  /** Between the name and the button that closes it. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  onClose(): void;
}

/** A window over the page: it has the focus until Escape or `Close` ends it. */
export function Modal({ name, actions, children, onClose }: ModalProps): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Only a dialog that is closed gives the focus back; one that is taken out of the page does not.
    return () => shown?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-label={name} onClose={onClose}>
      <header>
        <h2>{name}</h2>
        {actions}
        <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}
