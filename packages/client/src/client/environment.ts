/* What differs between runtimes: the environment of the process, and whether this is a browser. */

interface Runtime {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
  readonly Deno?: { readonly env?: { get(name: string): string | undefined } };
  readonly document?: unknown;
}

/** An environment variable; undefined where there is none, where it is empty, and where the runtime has no environment. */
export function readEnv(name: string): string | undefined {
  const runtime: Runtime = globalThis as Runtime;
  try {
    return (runtime.process?.env?.[name] ?? runtime.Deno?.env?.get(name))?.trim() || undefined;
  } catch {
    // Deno without the permission to read it.
    return undefined;
  }
}

export function isBrowser(): boolean {
  return typeof (globalThis as Runtime).document === 'object';
}

/** At least 122 random bits; `randomUUID` is missing on pages that came by plain HTTP. */
export function randomId(): string {
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join('-');
}
