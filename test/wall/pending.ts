import type { Column, FaultCase, Mode } from './columns.ts';

/**
 * What the relay is not judged by yet, and why: the one place. Whoever builds it deletes the row.
 * `TAILRACE_WALL_COLUMN` judges these too.
 */
export interface PendingRow {
  readonly columns: readonly Column[];
  readonly modes: readonly Mode[];
  concerns(faultCase: FaultCase): boolean;
  readonly reason: string;
}

const everyColumn: readonly Column[] = ['one', 'second', 'replay', 'prefix'];
const bothModes: readonly Mode[] = ['streaming', 'collected'];

export const pending: readonly PendingRow[] = [
  {
    columns: everyColumn,
    modes: bothModes,
    concerns: ({ spelling }) => ['400-context:tgi', '400-context:gemini'].includes(spelling),
    reason: 'the openai adapter does not know these two wordings yet and answers invalid_value',
  },
  {
    columns: ['one'],
    modes: bothModes,
    concerns: ({ spelling }) => spelling === '200-json-error',
    reason: 'the openai adapter takes it for a 500 and answers upstream_refused, not upstream_protocol',
  },
  {
    columns: ['second'],
    modes: ['collected'],
    concerns: ({ fault }) =>
      fault.expected.second.streaming.kind === 'error-event' &&
      fault.expected.second.collected.kind === 'whole',
    reason: 'routing commits an answer that does not stream at its first output, not when it is complete',
  },
  {
    columns: ['replay', 'prefix'],
    modes: ['collected'],
    concerns: ({ spelling }) => spelling === 'tool-bad-json',
    reason: 'routing commits an answer that does not stream at its first output, not when it is complete',
  },
];

export function isPending(column: Column, mode: Mode, faultCase: FaultCase): boolean {
  return pending.some(
    (row) => row.columns.includes(column) && row.modes.includes(mode) && row.concerns(faultCase),
  );
}
