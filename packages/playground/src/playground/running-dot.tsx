import type { ReactNode } from 'react';
import './running-dot.css';

/** Stands beside the name of a chat whose answer runs. */
export function RunningDot(): ReactNode {
  return <span className="running-dot" role="img" aria-label="an answer runs" title="An answer runs" />;
}
