import type { ReactNode } from 'react';
import type { PageFailure } from '../api/failure.ts';

export function FailureAlert({
  failure,
  children,
}: {
  failure: PageFailure;
  children?: ReactNode;
}): ReactNode {
  return (
    <div role="alert" className="failure">
      <p>
        <code>{failure.code}</code> {failure.message}
      </p>
      {failure.requestId !== undefined && <p className="hint">Request {failure.requestId}</p>}
      {children}
    </div>
  );
}
