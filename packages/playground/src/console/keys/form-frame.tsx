import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import type { Writing } from '../write.ts';

interface FormFrameProps {
  readonly writing: Writing;
  /** The name of the button that sends it. */
  readonly action: string;
  readonly isDangerous?: true;
  readonly children: ReactNode;
  onSend(): void;
  onCancel(): void;
}

/** What is asked in a window: its fields, why it was refused, and the two ways out. */
export function FormFrame({
  writing,
  action,
  isDangerous,
  children,
  onSend,
  onCancel,
}: FormFrameProps): ReactNode {
  const frame = useRef<HTMLFormElement>(null);
  // Before the dialog is shown, which then gives the focus to this element; else its button `Close` would have it.
  useLayoutEffect(() => {
    frame.current?.querySelector<HTMLElement>('input, button')?.setAttribute('autofocus', '');
  }, []);
  return (
    <form
      ref={frame}
      className="key-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      <div className="form-body">{children}</div>
      {writing.failure !== undefined && <FailureAlert failure={writing.failure} />}
      <footer>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button
          type="submit"
          className={isDangerous ? 'danger' : 'primary'}
          aria-disabled={writing.isUnderWay}
        >
          {action}
        </button>
      </footer>
    </form>
  );
}
