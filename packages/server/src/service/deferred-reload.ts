/** Keeps a reload that is requested while the server starts, until the server can do it. */
export interface DeferredReload {
  /** Reloads; before {@link startWith} the request is only remembered, and many requests are one. */
  request(): void;
  /** Called once, when the server can reload: runs `reload` if one was requested, and at each later request. */
  startWith(reload: () => void): void;
}

export function createDeferredReload(): DeferredReload {
  let requested = false;
  let reload = () => {
    requested = true;
  };
  return {
    request: () => reload(),
    startWith(ready) {
      reload = ready;
      if (requested) ready();
    },
  };
}
