import { serveTasks } from '../../worker/serve-tasks.ts';
import { StoreError } from '../store-error.ts';
import { openSqliteReader } from './open-sqlite-store.ts';
import type { ReportAnswer, ReportTask } from './report-thread.ts';
import { sqliteStoreError } from './sqlite-error.ts';

/* The thread of `report-thread.ts`. Each task has a connection of its own, which costs a millisecond. */

serveTasks(async ({ dataDir, nowMs, ask }: ReportTask): Promise<ReportAnswer> => {
  const opened = await openSqliteReader({ dataDir, now: () => nowMs });
  if (!opened.ok) return { type: 'failed', code: 'fault', message: opened.message };
  const { reader } = opened;
  try {
    const value = await (ask.type === 'usage' ? reader.usage(ask.query) : reader.records(ask.query));
    return { type: 'read', value };
  } catch (thrown) {
    const error = sqliteStoreError(thrown);
    return {
      type: 'failed',
      code: error instanceof StoreError ? error.code : 'fault',
      message: error.message,
    };
  } finally {
    await reader.close();
  }
});
