import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function Requests(_: ViewProps): ReactNode {
  return <h2>Requests</h2>;
}
