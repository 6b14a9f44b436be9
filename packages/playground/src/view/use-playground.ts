import { useSyncExternalStore } from 'react';
import type { PageState } from '../chat/chat-state.ts';
import type { Playground } from '../chat/playground.ts';

export function usePageState(playground: Playground): PageState {
  return useSyncExternalStore(playground.subscribe, playground.state);
}
