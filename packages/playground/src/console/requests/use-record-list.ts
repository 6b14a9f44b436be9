import { useCallback, useEffect, useRef, useState } from 'react';
import { askJson } from '../../api/ask-json.ts';
import type { Connection } from '../../api/connection.ts';
import type { PageFailure } from '../../api/failure.ts';
import { withNewest, withOlder } from './record-list.ts';
import { type Filters, listPath } from './request-filters.ts';
import { type RecordPage, readPage } from './request-record.ts';

const pageSize = 100;
const liveMs = 3_000;

export interface RecordList {
  /** Undefined until the first answer. */
  readonly page: RecordPage | undefined;
  readonly failure: PageFailure | undefined;
  readonly isLoading: boolean;
  refresh(): void;
  loadMore(): void;
}

interface Known {
  readonly key: string;
  readonly page?: RecordPage;
  readonly failure?: PageFailure | undefined;
}

/** The records that fit the filters, newest first. Other filters begin a list anew; where it is live, its newest page is read every three seconds. */
export function useRecordList(connection: Connection, filters: Filters, isLive: boolean): RecordList {
  const key = listPath(filters, { limit: pageSize });
  const [known, setKnown] = useState<Known>({ key });
  const [loading, setLoading] = useState(0);
  const current = useRef(key);
  current.current = key;

  const ask = useCallback(
    async (
      path: string,
      merge: (known: RecordPage, read: RecordPage) => RecordPage,
      signal?: AbortSignal,
    ) => {
      setLoading((before) => before + 1);
      const asked = await askJson(connection, path, signal === undefined ? {} : { signal }).catch(
        () => undefined,
      );
      setLoading((before) => before - 1);
      // The filters have changed meanwhile.
      if (asked === undefined || current.current !== key) return;
      setKnown((before) => {
        const page = before.key === key ? before.page : undefined;
        if (!asked.ok) return { key, ...(page === undefined ? {} : { page }), failure: asked.failure };
        const read = readPage(asked.value);
        return { key, page: page === undefined ? read : merge(page, read) };
      });
    },
    [connection, key],
  );

  useEffect(() => {
    const abort = new AbortController();
    void ask(key, withNewest, abort.signal);
    if (!isLive) return () => abort.abort();
    const timer = window.setInterval(() => {
      if (!document.hidden) void ask(key, withNewest, abort.signal);
    }, liveMs);
    return () => {
      abort.abort();
      window.clearInterval(timer);
    };
  }, [ask, key, isLive]);

  const isOfKey = known.key === key;
  const page = isOfKey ? known.page : undefined;
  const last = page?.records.at(-1);
  return {
    page,
    failure: isOfKey ? known.failure : undefined,
    isLoading: loading > 0,
    refresh: () => void ask(key, withNewest),
    loadMore() {
      if (last !== undefined) void ask(listPath(filters, { limit: pageSize, after: last.id }), withOlder);
    },
  };
}
