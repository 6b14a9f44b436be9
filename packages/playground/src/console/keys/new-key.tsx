import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { CopyButton } from '../../elements/copy-button.tsx';

interface NewKeyProps {
  /** Null: an answer before has shown it, and was lost. */
  readonly secret: string | null;
  readonly children?: ReactNode;
  onDone(): void;
}

/** The one time that a key is shown. It is in no storage and no address, and gone with this element. */
export function NewKey({ secret, children, onDone }: NewKeyProps): ReactNode {
  const text = useRef<HTMLOutputElement>(null);
  useLayoutEffect(() => {
    text.current?.focus();
  }, []);
  return (
    <div className="key-form">
      <div className="form-body">
        {secret === null ? (
          <p role="status">
            The key was made, but the answer that had it was lost on its way, and the server keeps only its
            hash. Rotate it to get another one.
          </p>
        ) : (
          <>
            <p role="status">
              <strong>Copy it now: it is not shown again.</strong> The server keeps only its hash.
            </p>
            <div className="new-key">
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it is read first, and scrolls. */}
              <output ref={text} tabIndex={0} aria-label="New key">
                {secret}
              </output>
              <CopyButton text={secret} label="Copy key" />
            </div>
          </>
        )}
        <p className="hint">
          Clients send it as <code>Authorization: Bearer …</code> to <code>{window.location.origin}/v1</code>
        </p>
        {children}
      </div>
      <footer>
        <button type="button" className="primary" onClick={onDone}>
          Done
        </button>
      </footer>
    </div>
  );
}
