import { type ReactNode, useEffect, useRef, useState } from 'react';
import { consoleAddress } from '../../app/route.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { count } from '../../elements/format.ts';
import { useMedia } from '../../elements/media.ts';
import { Switch } from '../../elements/switch.tsx';
import type { ViewProps } from '../console.tsx';
import { FilterBar } from './filter-bar.tsx';
import { useKnownNames } from './known-names.ts';
import { type FilterName, type Filters, filterNames, filtersIn, requestsAddress } from './request-filters.ts';
import { RequestPanel } from './request-panel.tsx';
import type { RequestRecord } from './request-record.ts';
import { RequestTable } from './request-table.tsx';
import { useRecordList } from './use-record-list.ts';
import './requests.css';

const none: readonly RequestRecord[] = [];

/** Every request that has reached a target, newest first. The address keeps the filters and the request that is open. */
export function Requests({ connection, query }: ViewProps): ReactNode {
  const [isLive, setIsLive] = useState(false);
  const isPhone = useMedia('(max-width: 720px)');
  const isNarrow = useMedia('(max-width: 1200px)');
  /** One request lies over the list; the style sheet has the same width. */
  const isCovered = useMedia('(max-width: 999.9px)');
  const filters = filtersIn(query);
  const openId = query.get('id') ?? undefined;
  const names = useKnownNames(connection);
  const list = useRecordList(connection, filters, isLive);
  const view = useRef<HTMLDivElement>(null);
  /** The request whose story was closed just now. */
  const closed = useRef<string>(undefined);
  const records = list.page?.records ?? none;
  const set = filterNames.filter((name) => filters[name] !== undefined);

  const filter = (name: FilterName, value: string, isCorrection: boolean): void => {
    const { [name]: _, ...others } = filters;
    const address = requestsAddress(value === '' ? others : { ...others, [name]: value }, openId);
    if (isCorrection) window.location.replace(address);
    else window.location.hash = address;
  };
  const close = (): void => {
    closed.current = openId;
    window.location.hash = requestsAddress(filters);
  };
  // Back to the row that was open.
  useEffect(() => {
    if (openId !== undefined || closed.current === undefined) return;
    const at = records.findIndex(({ id }) => id === closed.current);
    closed.current = undefined;
    view.current?.querySelectorAll('tbody tr')[at]?.querySelector('button')?.focus();
  }, [openId, records]);

  return (
    <div ref={view} className={openId === undefined ? 'requests' : 'requests with-story'}>
      <div className="list" inert={isCovered && openId !== undefined}>
        <header>
          <h2>Requests</h2>
          <p className="hint" aria-live="polite">
            {list.page === undefined ? '' : shownCount(records.length, list.page.hasMore)}
          </p>
          <span className="row apart">
            <Switch isOn={isLive} onSet={setIsLive}>
              Live
            </Switch>
            <button type="button" onClick={list.refresh} disabled={list.isLoading && !isLive}>
              Refresh
            </button>
          </span>
        </header>
        <Foldable isFolded={isPhone} count={set.length}>
          <FilterBar
            filters={filters}
            names={names}
            refused={refusedFilter(list.failure?.param)}
            onFilter={filter}
          />
          {set.length > 0 && (
            <a className="clear" href={consoleAddress('requests', { id: openId })}>
              Clear {set.length === 1 ? 'the filter' : `${set.length} filters`}
            </a>
          )}
        </Foldable>
        {list.failure !== undefined && <FailureAlert failure={list.failure} />}
        {list.page !== undefined && (
          <RequestTable
            records={records}
            room={
              isPhone || (isNarrow && openId !== undefined)
                ? 'phone'
                : openId === undefined
                  ? 'wide'
                  : 'beside'
            }
            openId={openId}
            nameOfKey={names.nameOfKey}
            onOpen={({ id }) => {
              window.location.hash = requestsAddress(filters, id);
            }}
            empty={<Empty filters={filters} />}
          />
        )}
        {list.page?.hasMore === true && (
          <p className="more">
            <button type="button" onClick={list.loadMore} disabled={list.isLoading}>
              Load more
            </button>
          </p>
        )}
      </div>
      {openId !== undefined && (
        <RequestPanel
          key={openId}
          connection={connection}
          id={openId}
          listed={records.find(({ id }) => id === openId)}
          nameOfKey={names.nameOfKey}
          prices={names.prices}
          onClose={close}
        />
      )}
    </div>
  );
}

function shownCount(shown: number, hasMore: boolean): string {
  if (hasMore) return `the newest ${count(shown)}`;
  return shown === 1 ? 'one' : count(shown);
}

function refusedFilter(param: string | undefined): string | undefined {
  return filterNames.find((name) => name === param);
}

interface FoldableProps {
  readonly isFolded: boolean;
  readonly count: number;
  readonly children: ReactNode;
}

/** On a phone the filters would fill the screen. */
function Foldable({ isFolded, count: given, children }: FoldableProps): ReactNode {
  if (!isFolded) return children;
  return (
    <details className="folded">
      <summary>Filters{given === 0 ? '' : ` (${given})`}</summary>
      {children}
    </details>
  );
}

function Empty({ filters }: { readonly filters: Filters }): ReactNode {
  return Object.keys(filters).length > 0 ? (
    <p>No request fits these filters.</p>
  ) : (
    <>
      <strong>No requests yet</strong>
      <p>
        Each request that reaches a target is here from its first moment, and stays for storage.retention.
      </p>
    </>
  );
}
