/** The code of a thrown error, such as `ECONNREFUSED`, else its name. Unlike its message it never holds a URL with its query. */
export function thrownCode(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code);
  return error instanceof Error ? error.name : 'unknown';
}
