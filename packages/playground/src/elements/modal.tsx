import { type ReactNode, type SyntheticEvent, useLayoutEffect, useRef } from 'react';

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
  // The browser tells of a dialog that it has closed itself only later. A key that came in between would open a new window with the
  // state of the old one, and lose it to that event. So Escape does not close it: the owner does.
  const leave = (event: SyntheticEvent<HTMLDialogElement>): void => {
    if (event.target !== event.currentTarget) return;
    event.preventDefault();
    onClose();
  };
  return (
    <dialog ref={dialog} aria-label={name} onCancel={leave} onClose={onClose}>
      <header>
        <h2>{name}</h2>
        {actions}
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}
