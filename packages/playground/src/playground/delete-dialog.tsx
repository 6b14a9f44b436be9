import type { ReactNode } from 'react';
import { Modal } from '../elements/modal.tsx';
import './delete-dialog.css';

interface DeleteDialogProps {
  /** Messages behind the one that is to be deleted, in all branches. */
  readonly behind: number;
  onDelete(what: 'alone' | 'with all that follows'): void;
  onClose(): void;
}

/** Asks how much goes with a message on which others stand. */
export function DeleteDialog({ behind, onDelete, onClose }: DeleteDialogProps): ReactNode {
  const others = behind === 1 ? '1 message' : `${behind} messages`;
  return (
    <Modal name="Delete message" onClose={onClose}>
      <p className="said">{others} stand behind it, counted over all branches.</p>
      <div className="row choices">
        <button type="button" className="primary" onClick={() => onDelete('with all that follows')}>
          Delete it and {others}
        </button>
        <button type="button" onClick={() => onDelete('alone')}>
          Delete it alone
        </button>
      </div>
    </Modal>
  );
}
