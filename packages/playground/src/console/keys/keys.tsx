import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function Keys(_: ViewProps): ReactNode {
  return <h2>Keys</h2>;
}
