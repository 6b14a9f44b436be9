import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function Models(_: ViewProps): ReactNode {
  return <h2>Models</h2>;
}
