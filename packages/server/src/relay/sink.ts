/**
 * Where frames go: a socket, an array in a test, later a journal. The relay knows nothing else of whoever
 * listens.
 */
export interface Sink {
  /** False until the head has left; until then a failure can still become a plain HTTP answer. */
  readonly opened: boolean;
  /** Sends the head. Called once, at the commit or when holding it back has lasted long enough. */
  open(): void;
  /** One event, one write. False asks for a pause until {@link Sink.drained}. */
  write(frame: string): boolean;
  /** Resolves when the sink takes more, or when `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  /** The last frame of a whole answer and the end of the body, in one write. */
  finish(frame: string): void;
  /** The error event and the end of a torn answer's body, which must not be taken for a whole one's. */
  tear(frame: string): void;
}
