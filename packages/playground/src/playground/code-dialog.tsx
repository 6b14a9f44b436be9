import { type ReactNode, useState } from 'react';
import type { ChatState } from '../chat/chat-state.ts';
import { nextRequest } from '../chat/request-body.ts';
import { CodeText } from '../code-text/code-text.tsx';
import { ChoiceBar, choicesNamed } from '../elements/choice-bar.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { Modal } from '../elements/modal.tsx';
import { codeSamples, type SampleName, sampleNamed } from './code-samples/code-samples.ts';

const languages = choicesNamed(...codeSamples.map(({ name }) => name));

/** The request that `Send` or `Regenerate` would send now, as a program. */
interface CodeDialogProps {
  readonly state: ChatState;
  readonly typed: string;
  onClose(): void;
}

export function CodeDialog({ state, typed, onClose }: CodeDialogProps): ReactNode {
  const [chosen, choose] = useState<SampleName>('curl');
  const sample = sampleNamed(chosen);
  const text = sample.write(nextRequest(state, typed), window.location.origin);
  const languageChoice = (
    <>
      <ChoiceBar name="Language" choices={languages} chosen={chosen} onChoose={choose} />
      <CopyButton key={chosen} text={text} />
    </>
  );
  return (
    <Modal name="Code" onClose={onClose} actions={languageChoice}>
      <p className="hint">
        This request, with the key in the environment variable <code>TAILRACE_API_KEY</code>
        {sample.install === undefined ? (
          '.'
        ) : (
          <>
            , after <code>{sample.install}</code>.
          </>
        )}
      </p>
      <CodeText text={text} language={sample.language} isComplete />
    </Modal>
  );
}
