import type { ReactNode } from 'react';
import { relativeTime } from '../../elements/format.ts';
import { type Key, stateOf } from './key.ts';

/** `active`, `2 secrets` after a rotation with overlap, `expired`, `revoked`, `fixed`. */
export function KeyStateMark({ of }: { of: Key }): ReactNode {
  const state = stateOf(of, Date.now());
  const until = state === 'overlap' && of.overlap_until !== null ? Date.parse(of.overlap_until) : undefined;
  const words = state === 'overlap' ? 'in overlap' : of.admin ? 'fixed, admin' : state;
  return (
    <>
      <span className={`key-state ${state}`}>{words}</span>
      {until !== undefined && <span className="line hint">ends {relativeTime(until)}</span>}
    </>
  );
}
