import { useSyncExternalStore } from 'react';
import type { Watched } from './signal.ts';

/** The value now, in an element that is drawn again with each change. */
export function useWatched<Value>({ state, subscribe }: Watched<Value>): Value {
  return useSyncExternalStore(subscribe, state);
}
