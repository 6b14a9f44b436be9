import { type ReactNode, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import { Modal } from '../../elements/modal.tsx';
import { useWriting } from '../write.ts';
import { shownKeyIn } from './fields.ts';
import { FormFrame } from './form-frame.tsx';
import { type Key, labelOf } from './key.ts';
import { NewKey } from './new-key.tsx';

const overlaps = [
  ['1h', '1 hour', 'The key that is in use works for another hour.'],
  ['24h', '24 hours', 'The key that is in use works for another day.'],
  ['', 'None', 'The key that is in use is refused at once.'],
] as const;

interface RotateDialogProps {
  readonly connection: Connection;
  readonly of: Key;
  onWritten(): void;
  onClose(): void;
}

/** Gives a key a new secret, and shows it once. */
export function RotateDialog({ connection, of, onWritten, onClose }: RotateDialogProps): ReactNode {
  const writing = useWriting(connection);
  const [overlap, setOverlap] = useState<string>('1h');
  const [made, setMade] = useState<{ readonly secret: string | null }>();

  async function send(): Promise<void> {
    const path = `/admin/v1/keys/${encodeURIComponent(of.id)}/rotate`;
    const done = await writing.write({ method: 'POST', path, json: overlap === '' ? {} : { overlap } });
    if (done === undefined) return;
    onWritten();
    setMade({ secret: shownKeyIn(done.body) });
  }

  if (made !== undefined) {
    const [, words] = overlaps.find(([value]) => value === overlap) ?? [];
    return (
      <Modal name="Key rotated" onClose={onClose}>
        <NewKey secret={made.secret} onDone={onClose}>
          <p className="hint">
            {overlap === ''
              ? 'The key before does not work any more.'
              : `The key before works for another ${words}.`}
          </p>
        </NewKey>
      </Modal>
    );
  }
  return (
    <Modal name={`Rotate ${labelOf(of)}`} onClose={onClose}>
      <FormFrame writing={writing} action="Rotate" onSend={() => void send()} onCancel={onClose}>
        <p>
          It gets a new secret. Its id, limits, budget and usage stay.{' '}
          {of.prefix !== null && (
            <>
              The one in use begins with <code>{of.prefix}</code>
            </>
          )}
        </p>
        <fieldset className="form-choices">
          <legend>Overlap</legend>
          {overlaps.map(([value, words, what]) => (
            <label key={value}>
              <input
                type="radio"
                name="overlap"
                checked={overlap === value}
                onChange={() => setOverlap(value)}
              />
              {words} <span className="hint">{what}</span>
            </label>
          ))}
        </fieldset>
      </FormFrame>
    </Modal>
  );
}
