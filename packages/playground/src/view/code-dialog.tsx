import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { PageState } from '../chat/chat-state.ts';
import { requestBody } from '../chat/request-body.ts';
import { codeSample, type Language, languages } from './code-samples.ts';
import { CopyButton } from './copy-button.tsx';

/** The request that `Send` or `Regenerate` would send now, as a program. */
export function CodeDialog({ state, onClose }: { state: PageState; onClose: () => void }): ReactNode {
  const [language, setLanguage] = useState<Language>('curl');
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const said = state.typed.trim();
  const asked = state.messages.slice(0, state.messages.findLastIndex(({ role }) => role === 'user') + 1);
  const messages =
    said === ''
      ? asked
      : [...state.messages, { id: 'typed', role: 'user' as const, text: said, thoughts: '' }];
  const text = codeSample(language, requestBody({ ...state, messages }), window.location.origin);
  return (
    <dialog ref={dialog} aria-label="Code" onClose={onClose}>
      <header>
        <h2>Code</h2>
        <fieldset className="row">
          <legend className="unseen">Language</legend>
          {languages.map((one) => (
            <button key={one} type="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
              {one}
            </button>
          ))}
        </fieldset>
        <span className="row">
          <CopyButton key={language} text={text} />
          <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </span>
      </header>
      <p className="hint">
        This request, with the key in the environment variable <code>TAILRACE_KEY</code>.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long programs scroll, also by keyboard. */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </dialog>
  );
}
