import type { ReactNode } from 'react';
import type { Connection } from '../../api/connection.ts';
import { consoleAddress } from '../../app/route.ts';
import { Modal } from '../../elements/modal.tsx';
import { useWriting } from '../write.ts';
import { FormFrame } from './form-frame.tsx';
import { labelOf, type Owner } from './key.ts';

interface DeleteOwnerDialogProps {
  readonly connection: Connection;
  readonly of: Owner;
  onWritten(): void;
  onClose(): void;
}

export function DeleteOwnerDialog({ connection, of, onWritten, onClose }: DeleteOwnerDialogProps): ReactNode {
  const writing = useWriting(connection);
  async function send(): Promise<void> {
    const path = `/admin/v1/owners/${encodeURIComponent(of.id)}`;
    if ((await writing.write({ method: 'DELETE', path })) === undefined) return;
    onWritten();
    onClose();
  }
  return (
    <Modal name={`Delete ${labelOf(of)}`} onClose={onClose}>
      <FormFrame writing={writing} action="Delete" isDangerous onSend={() => void send()} onCancel={onClose}>
        <p>
          The owner <strong>{of.id}</strong> goes with its limits and its budget. What its keys have used
          stays in the records.
        </p>
        {writing.failure?.code === 'conflict' && of.id !== 'default' && (
          <p>
            <a href={consoleAddress('keys', { owner: of.id })} onClick={onClose}>
              Show the keys of {of.id}
            </a>
          </p>
        )}
      </FormFrame>
    </Modal>
  );
}
