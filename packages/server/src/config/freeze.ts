/** Freezes a value and everything in it, and returns it. A Map cannot be frozen; its type is read-only. */
export function freeze<T>(value: T): T {
  if (value instanceof Map) for (const item of value.values()) freeze(item);
  else if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) freeze(item);
  }
  return value;
}
