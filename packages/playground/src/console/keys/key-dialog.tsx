import { type ReactNode, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import { Modal } from '../../elements/modal.tsx';
import { useWriting } from '../write.ts';
import { Choice, Field } from './field.tsx';
import { emptyTexts, keyChanges, localText, newKeyBody, rfc3339, shownKeyIn, textsOfKey } from './fields.ts';
import { FormFrame } from './form-frame.tsx';
import { type Key, labelOf } from './key.ts';
import { LimitFields } from './limit-fields.tsx';
import { NewKey } from './new-key.tsx';
import { useForm } from './use-form.ts';

interface KeyDialogProps {
  readonly connection: Connection;
  /** Absent: a new one. */
  readonly of?: Key;
  /** For a new one. */
  readonly owner?: string | undefined;
  readonly owners: readonly string[];
  readonly served: readonly string[];
  /** It was made or changed. */
  onWritten(): void;
  onClose(): void;
}

/** Makes a key, and shows it once; or changes one. */
export function KeyDialog({
  connection,
  of,
  owner = '',
  owners,
  served,
  onWritten,
  onClose,
}: KeyDialogProps): ReactNode {
  const writing = useWriting(connection);
  const [before] = useState(() => (of === undefined ? { ...emptyTexts, owner } : textsOfKey(of)));
  const form = useForm(before, writing.failure);
  const [made, setMade] = useState<{ readonly secret: string | null }>();
  const { expires_at: expiresAt } = form.texts;

  async function send(): Promise<void> {
    const done = await writing.write(
      of === undefined
        ? { method: 'POST', path: '/admin/v1/keys', json: newKeyBody(form.texts) }
        : {
            method: 'PATCH',
            path: `/admin/v1/keys/${encodeURIComponent(of.id)}`,
            json: keyChanges(before, form.texts),
          },
    );
    if (done === undefined) return;
    onWritten();
    if (of === undefined) setMade({ secret: shownKeyIn(done.body) });
    else onClose();
  }

  if (made !== undefined) {
    return (
      <Modal name="Key created" onClose={onClose}>
        <NewKey secret={made.secret} onDone={onClose} />
      </Modal>
    );
  }
  return (
    <Modal name={of === undefined ? 'Create key' : `Edit ${labelOf(of)}`} onClose={onClose}>
      <FormFrame
        writing={writing}
        action={of === undefined ? 'Create key' : 'Save'}
        onSend={() => void send()}
        onCancel={onClose}
      >
        <div className="form-pair">
          <Field form={form} name="name" label="Name" placeholder="ci" />
          <Field
            form={form}
            name="owner"
            label="Owner"
            placeholder="default"
            list="key-owners"
            hint={ownerHint(form.texts.owner.trim(), owners)}
          />
          <datalist id="key-owners">
            {owners.map((id) => (
              <option key={id} value={id} />
            ))}
          </datalist>
        </div>
        <LimitFields form={form} served={served} unset="as configured" />
        <Field
          form={form}
          name="expires_at"
          label="Expires"
          type="datetime-local"
          hint={
            expiresAt === ''
              ? 'Never. Times are those of this browser’s zone.'
              : `Sent as ${rfc3339(expiresAt)}`
          }
        >
          {[30, 90, 365].map((days) => (
            <button
              key={days}
              type="button"
              onClick={() => form.type('expires_at', localText(Date.now() + days * 86_400_000))}
            >
              {days === 365 ? '1 year' : `${days} days`}
            </button>
          ))}
          <button type="button" disabled={expiresAt === ''} onClick={() => form.type('expires_at', '')}>
            Never
          </button>
        </Field>
        <details>
          <summary>More</summary>
          <div className="form-more">
            <div className="form-field">
              <span className="form-label">Usage chunk</span>
              <Choice
                form={form}
                name="usage_chunk"
                label="Usage chunk"
                choices={[
                  ['', 'as configured'],
                  ['inline', 'inline: on the last finish chunk'],
                  ['separate', 'separate: a last chunk of its own'],
                ]}
              />
            </div>
            <Field form={form} name="metadata" label="Metadata" placeholder={'{"team": "blue"}'} rows={2} />
          </div>
        </details>
      </FormFrame>
    </Modal>
  );
}

function ownerHint(owner: string, owners: readonly string[]): string {
  if (owner === '' || owners.includes(owner)) return 'Who pays: a team or a customer.';
  return 'A new owner is made.';
}
