import type { ReactNode } from 'react';
import type { ViewProps } from '../console.tsx';

export function LiveStreams(_: ViewProps): ReactNode {
  return <h2>Live streams</h2>;
}
