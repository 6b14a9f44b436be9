import { type ReactNode, useState } from 'react';
import { Modal } from '../elements/modal.tsx';
import { Switch } from '../elements/switch.tsx';
import { shortcuts } from './shortcuts.ts';
import './shortcuts-dialog.css';
import { takeLetters, takesLetters } from './single-letters.ts';

/** Those that the fields themselves have. */
const ofFields = [
  { keys: ['Enter'], does: 'Send the message' },
  { keys: ['Shift', 'Enter'], does: 'Begin a line' },
  { keys: ['Escape'], does: 'Stop the answer; close a panel or a window' },
];

export function ShortcutsDialog({ onClose }: { onClose(): void }): ReactNode {
  const [letters, setLetters] = useState(takesLetters);
  const group = (wanted: string): Entry[] =>
    shortcuts
      .filter((shortcut) => shortcut.group === wanted)
      .map(({ keys, does }) => ({ keys: keys.split(' '), does, isSequence: true }));
  return (
    <Modal name="Keyboard shortcuts" onClose={onClose}>
      <div className="shortcuts">
        <Keys name="Playground" entries={group('Playground')} />
        <div>
          <Keys name="Everywhere" entries={group('Everywhere')} />
          <Keys name="In the message" entries={ofFields} />
        </div>
      </div>
      <div className="shortcuts-foot">
        <p className="hint">
          Where you type, and always: with <kbd>Alt</kbd> <kbd>Shift</kbd> and the same letter.
        </p>
        <Switch
          isOn={letters}
          onSet={(isOn) => {
            setLetters(isOn);
            takeLetters(isOn);
          }}
        >
          Letters alone
        </Switch>
      </div>
    </Modal>
  );
}

interface Entry {
  readonly keys: readonly string[];
  readonly does: string;
  /** The keys are pressed one after the other. */
  readonly isSequence?: boolean;
}

function Keys({ name, entries }: { name: string; entries: readonly Entry[] }): ReactNode {
  return (
    <section aria-label={name}>
      <h3>{name}</h3>
      <dl>
        {entries.map(({ keys, does, isSequence }) => (
          <div key={does}>
            <dt>{does}</dt>
            <dd>
              {keys.map((key, at) => (
                <span key={key}>
                  {at > 0 && (isSequence ? ' then ' : ' ')}
                  <kbd>{key}</kbd>
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
