import { type ReactNode, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import { Modal } from '../../elements/modal.tsx';
import { useWriting } from '../write.ts';
import { Field } from './field.tsx';
import { emptyTexts, newOwnerBody, ownerChanges, ownerIdFor, textsOfOwner } from './fields.ts';
import { FormFrame } from './form-frame.tsx';
import { labelOf, type Owner } from './key.ts';
import { LimitFields } from './limit-fields.tsx';
import { useForm } from './use-form.ts';

interface OwnerDialogProps {
  readonly connection: Connection;
  /** Absent: a new one. */
  readonly of?: Owner;
  readonly owners: readonly string[];
  readonly served: readonly string[];
  onWritten(): void;
  onClose(): void;
}

/** Makes an owner, or changes one. */
export function OwnerDialog({
  connection,
  of,
  owners,
  served,
  onWritten,
  onClose,
}: OwnerDialogProps): ReactNode {
  const writing = useWriting(connection);
  const [before] = useState(() => (of === undefined ? emptyTexts : textsOfOwner(of)));
  const form = useForm(before, writing.failure);
  const idOfName = ownerIdFor(form.texts.name);
  const id = of?.id ?? (form.texts.id.trim() === '' ? idOfName : form.texts.id.trim());

  async function send(): Promise<void> {
    if (of === undefined && id === '') {
      return writing.refuse({ code: 'missing_parameter', param: 'id', message: 'An owner needs an id.' });
    }
    // PUT would replace it with all its limits.
    if (of === undefined && owners.includes(id)) {
      const message = `There is an owner '${id}' already. Edit it, or choose another id.`;
      return writing.refuse({ code: 'conflict', param: 'id', message });
    }
    const path = `/admin/v1/owners/${encodeURIComponent(id)}`;
    const done = await writing.write(
      of === undefined
        ? { method: 'PUT', path, json: newOwnerBody(form.texts) }
        : { method: 'PATCH', path, json: ownerChanges(before, form.texts) },
    );
    if (done === undefined) return;
    onWritten();
    onClose();
  }

  return (
    <Modal name={of === undefined ? 'Create owner' : `Edit ${labelOf(of)}`} onClose={onClose}>
      <FormFrame
        writing={writing}
        action={of === undefined ? 'Create owner' : 'Save'}
        onSend={() => void send()}
        onCancel={onClose}
      >
        <div className={of === undefined ? 'form-pair' : undefined}>
          <Field form={form} name="name" label="Name" placeholder="Acme" />
          {of === undefined && (
            <Field
              form={form}
              name="id"
              label="Id"
              placeholder={idOfName === '' ? 'acme' : idOfName}
              hint="By it keys, requests and usage name their owner."
            />
          )}
        </div>
        <LimitFields form={form} served={served} unset="none" />
        <details>
          <summary>More</summary>
          <div className="form-more">
            <Field
              form={form}
              name="metadata"
              label="Metadata"
              placeholder={'{"cost_center": 42}'}
              rows={2}
            />
          </div>
        </details>
      </FormFrame>
    </Modal>
  );
}
