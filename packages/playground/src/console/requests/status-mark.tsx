import type { ReactNode } from 'react';
import type { RequestStatus } from './request-record.ts';

/** The shapes differ too, so that the status is seen without its colour. */
const shapes: Readonly<Record<RequestStatus, string>> = {
  open: 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9M6 3.5V6l2 1.5',
  completed: 'M2 6.5L5 9.5L10.5 3',
  failed: 'M2.5 2.5l7 7M9.5 2.5l-7 7',
  cut: 'M1 6h3M8 6h3M5.2 2.5l-1 7M7.8 2.5l-1 7',
  cancelled: 'M2.5 2.5h7v7h-7z',
  abandoned: 'M7 1.5H2v9h5M5 6h6M8.7 3.7L11 6L8.7 8.3',
};

/** A status as a word with its mark. */
export function StatusMark({ status }: { readonly status: RequestStatus }): ReactNode {
  return (
    <span className={`status-mark ${status}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={shapes[status]} />
      </svg>
      {status}
    </span>
  );
}
