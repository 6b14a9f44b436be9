const everyMs = 500;

/**
 * Calls `onGone` when the process that started us is gone without a word (kill -9): a server nobody waits
 * for any more would keep its port and its model for ever. `parentPid` is what the launcher said.
 */
export function watchParent(parentPid: number, onGone: () => void): void {
  if (process.ppid !== parentPid) return;
  const timer = setInterval(() => {
    if (process.ppid === parentPid) return;
    clearInterval(timer);
    onGone();
  }, everyMs);
  timer.unref();
}
