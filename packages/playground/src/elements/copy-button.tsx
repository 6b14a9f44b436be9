import { type ReactNode, useEffect, useState } from 'react';

const shownMs = 1_500;

interface CopyButtonProps {
  /** A function where the text is long: it is made only when it is copied. */
  readonly text: string | (() => string);
  readonly label?: string;
  /** What is copied, for screen readers, where several of these stand beside each other. */
  readonly what?: string;
}

/** Copies a text, and says so for a moment. */
export function CopyButton({ text, label = 'Copy', what }: CopyButtonProps): ReactNode {
  const [said, say] = useState<'Copied' | 'Not copied'>();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => say(undefined), shownMs);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (): void => {
    // Absent where the page is not served over HTTPS or from this machine.
    const clipboard: Clipboard | undefined = navigator.clipboard;
    const written = clipboard?.writeText(typeof text === 'string' ? text : text()) ?? Promise.reject();
    written.then(
      () => say('Copied'),
      () => say('Not copied'),
    );
  };
  return (
    <button type="button" className="quiet" onClick={copy}>
      {said ?? label}
      {what !== undefined && <span className="unseen"> {what}</span>}
    </button>
  );
}
