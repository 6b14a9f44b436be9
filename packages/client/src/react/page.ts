/** What a chat needs of the page around it. Tests have one of their own. */
export interface ChatPage {
  /** Calls `draw` at the next frame; in a hidden tab, which has no frames, after a while. At most one call waits. */
  frame(draw: () => void): void;
  /** Resolves when the browser is not offline; never, where the signal is aborted before. */
  online(signal: AbortSignal): Promise<void>;
  /** Calls the listener when the page can be online again, is shown again, or came back by the button "Back". */
  onReturn(listener: () => void): () => void;
  /** Calls the listener before the page may end: it is hidden, reloaded or left. */
  onLeave(listener: () => void): () => void;
  /** JSON by key that a reload keeps. They never throw; what is not kept reads as null. */
  read(key: string): unknown;
  write(key: string, value: unknown): void;
}

/** The parts of a browser that are used. A server lacks most of them. */
interface BrowserGlobals {
  readonly document?: { readonly visibilityState: string };
  readonly location?: { readonly pathname: string };
  readonly navigator?: { readonly onLine?: boolean };
  readonly sessionStorage?: {
    getItem(key: string): string | null;
    setItem(key: string, text: string): void;
    removeItem(key: string): void;
  };
  requestAnimationFrame?(draw: () => void): number;
  cancelAnimationFrame?(frame: number): void;
  addEventListener?(type: string, listener: () => void, options?: { readonly signal: AbortSignal }): void;
}

const browser = globalThis as unknown as BrowserGlobals;
const hiddenFrameMs = 100;
const prefix = 'tailrace-chat:';

/** The path of the page; undefined where there is none, on a server. */
export function pagePath(): string | undefined {
  return browser.document && browser.location?.pathname;
}

/** The page of the browser. On a server there is none: nothing is kept, and no event comes. */
export const browserPage: ChatPage = {
  frame(draw) {
    const waits = drawings.size > 0;
    drawings.add(draw);
    if (waits) return;
    // A frame that was asked for in a shown tab does not come once the tab is hidden.
    if (!watchesVisibility) on('visibilitychange', () => drawings.size > 0 && wait());
    watchesVisibility = true;
    wait();
  },
  online: (signal) =>
    new Promise((resolve) => {
      if (browser.navigator?.onLine !== false) resolve();
      else browser.addEventListener?.('online', () => resolve(), { signal });
    }),
  onReturn: (listener) => on('online pageshow visibilitychange', () => isHidden() || listener()),
  onLeave: (listener) => on('pagehide visibilitychange', listener),
  read(key) {
    try {
      return JSON.parse(browser.sessionStorage?.getItem(prefix + key) ?? 'null');
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      browser.sessionStorage?.setItem(prefix + key, JSON.stringify(value));
    } catch {
      // No place, or no permission: the chat works, a reload does not find it. Nor may it find an older one.
      try {
        browser.sessionStorage?.removeItem(prefix + key);
      } catch {}
    }
  },
};

/** What waits for the next frame, of all chats. */
const drawings = new Set<() => void>();
let watchesVisibility = false;
let dropWait = (): void => {};

function isHidden(): boolean {
  return browser.document?.visibilityState === 'hidden';
}

function wait(): void {
  dropWait();
  if (browser.requestAnimationFrame === undefined || isHidden()) {
    const timer = setTimeout(drawAll, hiddenFrameMs);
    dropWait = () => clearTimeout(timer);
  } else {
    const frame = browser.requestAnimationFrame(drawAll);
    dropWait = () => browser.cancelAnimationFrame?.(frame);
  }
}

function drawAll(): void {
  const waiting = [...drawings];
  drawings.clear();
  for (const draw of waiting) draw();
}

/** The changes of the visibility, which are the document's, come by the window too. */
function on(types: string, listener: () => void): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  for (const type of types.split(' ')) browser.addEventListener?.(type, listener, { signal });
  return () => listening.abort();
}
