/** The clock of the machine, and waits on it that keep no process alive. */
export const systemTime = {
  clock: Date.now,
  after(ms: number, fire: () => void): () => void {
    const timer = setTimeout(fire, ms).unref();
    return () => clearTimeout(timer);
  },
};
