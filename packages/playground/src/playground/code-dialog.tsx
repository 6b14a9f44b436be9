import { type ReactNode, useState } from 'react';
import type { ChatState } from '../chat/chat-state.ts';
import { nextRequest } from '../chat/request-body.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { Modal } from '../elements/modal.tsx';
import { codeSample, type Language, languages } from './code-samples.ts';

/** The request that `Send` or `Regenerate` would send now, as a program. */
interface CodeDialogProps {
  readonly state: ChatState;
  readonly typed: string;
  onClose(): void;
}

export function CodeDialog({ state, typed, onClose }: CodeDialogProps): ReactNode {
  const [language, setLanguage] = useState<Language>('curl');
  const text = codeSample(language, nextRequest(state, typed), window.location.origin);
  const languageChoice = (
    <>
      <fieldset className="row">
        <legend className="unseen">Language</legend>
        {languages.map((one) => (
          <button key={one} type="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
            {one}
          </button>
        ))}
      </fieldset>
      <CopyButton key={language} text={text} />
    </>
  );
  return (
    <Modal name="Code" onClose={onClose} actions={languageChoice}>
      <p className="hint">
        This request, with the key in the environment variable <code>TAILRACE_KEY</code>.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long programs scroll, also by keyboard. */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </Modal>
  );
}
