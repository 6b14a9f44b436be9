import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function Usage(_: ViewProps): ReactNode {
  return <h2>Usage</h2>;
}
