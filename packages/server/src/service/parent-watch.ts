const everyMs = 500;

/**
 * Calls `onGone` when the launcher has ended without a signal to this process (kill -9): the server would keep its port
 * and its model for ever. `parentPid`: the process id that the launcher has put into the environment. Where another
 * process is the parent, nothing is watched.
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
