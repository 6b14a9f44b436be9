import { megabytes } from './download.ts';

/** Shows the progress of a download. */
export interface ProgressReporter {
  /** Writes one line: what begins now, and why. */
  note(line: string): void;
  bytes(label: string, receivedBytes: number, totalBytes: number | undefined): void;
  packages(label: string, fetched: number, total: number): void;
  /** Removes the bar where one is drawn. */
  end(): void;
}

export const silentProgress: ProgressReporter = { note() {}, bytes() {}, packages() {}, end() {} };

export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const barMs = 100;
const lineMs = 5_000;

/** Draws a bar on a terminal. Elsewhere it writes a line at every tenth, and at least every five seconds. */
export function createProgress(output: ProgressOutput, now: () => number): ProgressReporter {
  const terminal = output.isTTY === true;
  let drawn = false;
  let lastAt = Number.NEGATIVE_INFINITY;
  let lastTenth = -1;

  function clear(): void {
    if (drawn) output.write('\r\u001b[K');
    drawn = false;
  }

  function show(label: string, share: number | undefined, text: string): void {
    const tenth = share === undefined ? -1 : Math.floor(share * 10);
    const due =
      now() - lastAt >= (terminal ? barMs : lineMs) || (!terminal && tenth > lastTenth) || share === 1;
    if (!due) return;
    lastAt = now();
    lastTenth = tenth;
    if (!terminal) {
      output.write(`tailrace: ${label}: ${text}\n`);
      return;
    }
    output.write(`\r\u001b[K${fit(`${label} ${bar(share)}${text}`, output.columns ?? 80)}`);
    drawn = true;
  }

  return {
    note(line) {
      clear();
      output.write(`tailrace: ${line}\n`);
      lastTenth = -1;
    },
    bytes(label, receivedBytes, totalBytes) {
      const share = totalBytes === undefined || totalBytes === 0 ? undefined : receivedBytes / totalBytes;
      show(label, share, amount(receivedBytes, totalBytes, share));
    },
    packages(label, fetched, total) {
      show(label, fetched / total, `${fetched} of ${total} packages`);
    },
    end: clear,
  };
}

function amount(receivedBytes: number, totalBytes: number | undefined, share: number | undefined): string {
  if (totalBytes === undefined || share === undefined) return megabytes(receivedBytes);
  return `${Math.floor(share * 100)} % of ${megabytes(totalBytes)}`;
}

function bar(share: number | undefined): string {
  if (share === undefined) return '';
  const full = Math.floor(share * 24);
  return `[${'#'.repeat(full)}${'.'.repeat(24 - full)}] `;
}

function fit(text: string, columns: number): string {
  return text.length < columns ? text : text.slice(0, columns - 1);
}
