import type { Progress } from '../storage/contract.ts';
import type { OpenRecords } from './open-record.ts';

const everyMs = 1_000;

/**
 * Reports each second what the running answers have delivered, so that the record of a killed process lacks at most one second.
 * Returns a function that ends this.
 */
export function reportProgress({ open, ledger }: Pick<OpenRecords, 'open' | 'ledger'>): () => void {
  const timer = setInterval(() => {
    const marks: Progress[] = [];
    for (const record of open) {
      const mark = record.progress();
      if (mark !== undefined) marks.push(mark);
    }
    if (marks.length > 0) ledger.progress(marks);
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
