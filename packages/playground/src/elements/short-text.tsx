import { type ReactNode, useState } from 'react';

/** A longer text is cut until it is asked for: a browser lays out a megabyte for seconds. */
const maxShown = 20_000;
const number = new Intl.NumberFormat('en');

/** A text in the letters of programs, as it was written. */
export function ShortText({ text }: { text: string }): ReactNode {
  const [shown, setShown] = useState(maxShown);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long texts scroll, also by keyboard. */}
      <pre className="as-written" tabIndex={0}>
        <code>{text.slice(0, shown)}</code>
      </pre>
      {text.length > shown && (
        <button type="button" className="quiet" onClick={() => setShown(shown * 4)}>
          {number.format(text.length - shown)} more characters
        </button>
      )}
    </>
  );
}
