/** What happens to one connection. Numbers of events count from the first one that the connection sends. */
export type Accident =
  | { readonly type: 'none' }
  | { readonly type: 'cut-before-head'; readonly reset: boolean }
  | { readonly type: 'cut-in-head' }
  /** The server never answers. */
  | { readonly type: 'silence-before-head' }
  | {
      readonly type: 'status';
      readonly status: number;
      readonly code: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** What a network says that wants people to sign in. */
  | { readonly type: 'page' }
  /** In event `event` (0 for the first), behind this part of its bytes; 1 is behind the event. */
  | {
      readonly type: 'cut';
      readonly event: number;
      readonly part: number;
      readonly how: 'polite' | 'close' | 'reset';
    }
  /** The connection stays open, and nothing more comes. */
  | { readonly type: 'silence'; readonly event: number; readonly part: number }
  /** Events before the cursor come again. */
  | { readonly type: 'replay'; readonly events: number }
  /** One event is left out. */
  | { readonly type: 'gap'; readonly at: number }
  /** The event of this number cannot be read. */
  | { readonly type: 'torn'; readonly at: number }
  /** `[DONE]` where the answer is not whole. */
  | { readonly type: 'early-done'; readonly at: number }
  | { readonly type: 'error-event'; readonly at: number; readonly code: string }
  /** Behind the event of this number the server keeps the stream no more. */
  | { readonly type: 'unnumbered'; readonly at: number };
