import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function Configuration(_: ViewProps): ReactNode {
  return <h2>Configuration</h2>;
}
