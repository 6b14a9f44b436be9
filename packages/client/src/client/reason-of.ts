/** Why a request failed, in words. Node says only “fetch failed”, and of a host with several addresses only a code. */
export function reasonOf(error: unknown): string {
  const { message, code, cause } = Object(error) as { message?: string; code?: string; cause?: unknown };
  return cause ? reasonOf(cause) : message || code || String(error);
}
