import type { Log } from '../../telemetry/log.ts';

/** Bytes that wait where standard error is not read; beyond them the lines of workers are dropped and counted. */
const maxWaitingBytes = 1024 ** 2;

/** Writes the lines that workers log, each as it came; the returned function takes one or several whole lines. */
export function writeWorkerLines(
  output: NodeJS.WritableStream,
  log: Pick<Log, 'warn'>,
): (lines: Uint8Array) => void {
  let lost = 0;
  return (lines) => {
    if (!output.writable || ('writableLength' in output && Number(output.writableLength) > maxWaitingBytes)) {
      lost += 1;
      return;
    }
    if (lost > 0) log.warn("log lines of workers were lost: the log's reader was too slow", { lines: lost });
    lost = 0;
    output.write(lines);
  };
}
