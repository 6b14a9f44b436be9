import { type ReactNode, useState } from 'react';
import { askJson } from '../../api/ask-json.ts';
import type { Connection } from '../../api/connection.ts';
import type { PageFailure } from '../../api/failure.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { Modal } from '../../elements/modal.tsx';
import type { LiveStream } from './live-stream.ts';

interface CancelDialogProps {
  readonly connection: Connection;
  readonly stream: LiveStream;
  onCancelled(): void;
  onClose(): void;
}

/** Asks whether this stream is the one that shall end. */
export function CancelDialog({ connection, stream, onCancelled, onClose }: CancelDialogProps): ReactNode {
  const [isAsking, setIsAsking] = useState(false);
  const [failure, setFailure] = useState<PageFailure>();
  const cancel = async (): Promise<void> => {
    setIsAsking(true);
    const asked = await askJson(connection, `/admin/v1/streams/${encodeURIComponent(stream.id)}/cancel`, {
      method: 'POST',
    });
    setIsAsking(false);
    // One that has ended meanwhile is gone too, and the next look at the list says so.
    if (asked.ok) onCancelled();
    else setFailure(asked.failure);
  };
  return (
    <Modal name="Cancel this stream?" onClose={onClose}>
      <div className="cancel-dialog">
        <p>
          <code>{stream.id}</code> of the model <strong>{stream.model}</strong>, for the owner{' '}
          <strong>{stream.owner}</strong>. Generation stops, and the client gets the error{' '}
          <code>completion_cancelled</code>. What has been produced is recorded and charged.
        </p>
        {failure !== undefined && <FailureAlert failure={failure} />}
        <div className="row">
          <button type="button" className="danger" disabled={isAsking} onClick={() => void cancel()}>
            Cancel stream
          </button>
          <button type="button" onClick={onClose}>
            Keep it
          </button>
        </div>
      </div>
    </Modal>
  );
}
