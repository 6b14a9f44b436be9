import { useRef } from 'react';

/** The value, or while it is undefined the one before: what is shown stays until what was asked for instead has come. */
export function useLast<Value>(value: Value | undefined): Value | undefined {
  const last = useRef<Value>(undefined);
  if (value !== undefined) last.current = value;
  return last.current;
}
