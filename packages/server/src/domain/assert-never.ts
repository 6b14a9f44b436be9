/** Ends a switch over a union: where the switch lacks a case, the compiler reports an error. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
