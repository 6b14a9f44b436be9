import type { ReactNode } from 'react';
import type { Connection } from '../../api/connection.ts';
import { Modal } from '../../elements/modal.tsx';
import { useWriting } from '../write.ts';
import { FormFrame } from './form-frame.tsx';
import { type Key, labelOf } from './key.ts';

interface RevokeDialogProps {
  readonly connection: Connection;
  readonly of: Key;
  onWritten(): void;
  onClose(): void;
}

/** Ends a key for good. */
export function RevokeDialog({ connection, of, onWritten, onClose }: RevokeDialogProps): ReactNode {
  const writing = useWriting(connection);
  async function send(): Promise<void> {
    const path = `/admin/v1/keys/${encodeURIComponent(of.id)}`;
    if ((await writing.write({ method: 'DELETE', path })) === undefined) return;
    onWritten();
    onClose();
  }
  return (
    <Modal name={`Revoke ${labelOf(of)}`} onClose={onClose}>
      <FormFrame writing={writing} action="Revoke" isDangerous onSend={() => void send()} onCancel={onClose}>
        <p>
          Requests with the key <strong>{labelOf(of)}</strong>{' '}
          {of.prefix !== null && <code>{of.prefix}</code>} of <strong>{of.owner}</strong> are refused from now
          on. Streams that run end whole. This cannot be undone.
        </p>
      </FormFrame>
    </Modal>
  );
}
