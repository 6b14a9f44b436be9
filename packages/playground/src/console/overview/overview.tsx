import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function Overview(_: ViewProps): ReactNode {
  return <h2>Overview</h2>;
}
