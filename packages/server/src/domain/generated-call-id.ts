/**
 * An id for a tool call that has none. It is derived, so it is the same whenever the same call is read. Some providers
 * refuse ids over 40 characters, and a client may send this one back to any of them.
 */
export function generatedCallId(completionId: string, choice: number, call: number): string {
  return `call_${completionId.slice(-20)}_${choice}_${call}`;
}
