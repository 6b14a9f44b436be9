import { useRef } from 'react';

/** The first value that is not undefined: what was begun with stays, also when a later answer would begin otherwise. */
export function useFirst<Value>(value: Value | undefined): Value | undefined {
  const first = useRef<Value>(undefined);
  first.current ??= value;
  return first.current;
}
