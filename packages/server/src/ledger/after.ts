/** Calls back once, after some milliseconds; returns a function that ends the wait. */
export type After = (ms: number, work: () => void) => () => void;

/** By the system's timers. */
export function afterTimeout(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

/** By a timer of the system that does not keep the process or thread alive. */
export function afterUnheld(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms).unref();
  return () => clearTimeout(timer);
}
