import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Connection } from '../../api/connection.ts';
import { isObject, listIn } from '../../api/json.ts';
import { consoleAddress } from '../../app/route.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { Switch } from '../../elements/switch.tsx';
import { useResource } from '../../signals/use-resource.ts';
import type { ViewProps } from '../console.tsx';
import { standingsIn } from './budget.ts';
import { DeleteOwnerDialog } from './delete-owner-dialog.tsx';
import { isChangeable, type Key, keysIn, type Owner, ownersIn } from './key.ts';
import type { KeyAction } from './key-actions.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { KeyList } from './key-list.tsx';
import { KeyPage } from './key-page.tsx';
import './keys.css';
import { OwnerDialog } from './owner-dialog.tsx';
import { OwnerList } from './owner-list.tsx';
import { RevokeDialog } from './revoke-dialog.tsx';
import { RotateDialog } from './rotate-dialog.tsx';

/** What a window over the view asks. */
type Open =
  | { readonly what: 'create-key' | 'create-owner' }
  | { readonly what: KeyAction; readonly key: Key }
  | { readonly what: 'edit-owner' | 'delete-owner'; readonly owner: Owner };

const refreshMs = 5_000;

/** Keys and owners. The address keeps the list, the owner whose keys are shown, and the one key. */
export function Keys({ connection, query }: ViewProps): ReactNode {
  const [open, setOpen] = useState<Open>();
  const id = query.get('key');
  const every = { everyMs: refreshMs };
  const keys = useResource(connection, '/admin/v1/keys?limit=1000', { read: keysIn, ...every });
  const owners = useResource(connection, '/admin/v1/owners?limit=1000', { read: ownersIn, ...every });
  const budgets = useResource(connection, '/admin/v1/budgets?limit=1000', { read: standingsIn, ...every });
  const models = useResource(connection, '/v1/models', { read: namesIn });
  const reload = (): void => {
    for (const resource of [keys, owners, budgets]) resource.reload();
  };
  const lists: Lists = {
    keys: keys.value?.data,
    hasMore: keys.value?.hasMore === true || owners.value?.hasMore === true,
    owners: owners.value?.data,
    standings: budgets.value ?? new Map(),
  };
  const failure = keys.failure ?? owners.failure;
  // What was opened from an entry gives the focus back to it. One that goes would take the focus along.
  const view = useRef<HTMLDivElement>(null);
  const isGone = useRef(false);
  useEffect(() => {
    if (open !== undefined || !isGone.current) return;
    isGone.current = false;
    view.current?.querySelector('h2')?.focus();
  }, [open]);
  return (
    <div ref={view} className="view keys">
      {id === null ? (
        <KeyLists query={query} lists={lists} onOpen={setOpen} />
      ) : (
        <KeyPage
          connection={connection}
          id={id}
          standings={lists.standings}
          turn={keys.value}
          onAct={(key, what) => setOpen({ what, key })}
        />
      )}
      {failure !== undefined && <FailureAlert failure={failure} />}
      {open !== undefined && (
        <Dialog
          open={open}
          connection={connection}
          owner={query.get('owner') ?? undefined}
          owners={lists.owners?.map((owner) => owner.id) ?? []}
          served={models.value ?? []}
          onWritten={() => {
            isGone.current = open.what === 'revoke' || open.what === 'delete-owner';
            reload();
          }}
          onClose={() => setOpen(undefined)}
        />
      )}
    </div>
  );
}

interface Lists {
  readonly keys: readonly Key[] | undefined;
  readonly owners: readonly Owner[] | undefined;
  readonly hasMore: boolean;
  readonly standings: ReturnType<typeof standingsIn>;
}

interface KeyListsProps {
  readonly query: URLSearchParams;
  readonly lists: Lists;
  onOpen(open: Open): void;
}

function KeyLists({ query, lists, onOpen }: KeyListsProps): ReactNode {
  const { keys, owners, hasMore, standings } = lists;
  const [typed, setTyped] = useState('');
  const [withRevoked, setWithRevoked] = useState(false);
  const isOwners = query.get('list') === 'owners';
  const owner = query.get('owner');
  const matches = (texts: readonly (string | null)[]): boolean =>
    texts.some((text) => text?.toLowerCase().includes(typed.trim().toLowerCase()) === true);
  const shownKeys = (keys ?? []).filter(
    (key) =>
      (withRevoked || key.revoked_at === null) &&
      (owner === null || key.owner === owner) &&
      matches([key.name, key.id, key.prefix, key.owner]),
  );
  const shownOwners = (owners ?? []).filter((one) => matches([one.id, one.name]));
  const revoked = (keys ?? []).filter((key) => key.revoked_at !== null).length;
  const go = (address: string): void => {
    window.location.hash = address;
  };
  return (
    <>
      <header>
        <h2 tabIndex={-1}>{isOwners ? 'Owners' : 'Keys'}</h2>
        <nav className="keys-lists" aria-label="Lists">
          <a href={consoleAddress('keys')} aria-current={isOwners ? undefined : 'page'}>
            Keys
          </a>
          <a href={consoleAddress('keys', { list: 'owners' })} aria-current={isOwners ? 'page' : undefined}>
            Owners
          </a>
        </nav>
        <span className="apart row">
          {!isOwners && revoked > 0 && (
            <Switch isOn={withRevoked} onSet={setWithRevoked}>
              Revoked <span className="hint">{revoked}</span>
            </Switch>
          )}
          <input
            type="search"
            className="filter"
            aria-label={isOwners ? 'Find an owner' : 'Find a key'}
            placeholder={isOwners ? 'Id or name' : 'Name, prefix or owner'}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <button
            type="button"
            className="primary"
            onClick={() => onOpen({ what: isOwners ? 'create-owner' : 'create-key' })}
          >
            {isOwners ? 'Create owner' : 'Create key'}
          </button>
        </span>
      </header>
      {!isOwners && owner !== null && (
        <p className="of-owner">
          Keys of <strong>{owner}</strong> <a href={consoleAddress('keys')}>Show all</a>
        </p>
      )}
      {keys === undefined || owners === undefined ? (
        <p className="hint" aria-busy="true" />
      ) : isOwners ? (
        <OwnerList
          owners={shownOwners}
          keyCounts={countsOf(keys)}
          standings={standings}
          empty={<p>No owner is called so.</p>}
          onOpen={({ id }) => go(consoleAddress('keys', { owner: id }))}
          onEdit={(one) => onOpen({ what: 'edit-owner', owner: one })}
          onDelete={(one) => onOpen({ what: 'delete-owner', owner: one })}
        />
      ) : (
        <KeyList
          keys={shownKeys}
          standings={standings}
          empty={<p>{typed === '' ? 'There are no keys here yet.' : 'No key is called so.'}</p>}
          onOpen={({ id }) => go(consoleAddress('keys', { key: id }))}
          onAct={(key, what) => onOpen({ what, key })}
        />
      )}
      {hasMore && (
        <p className="hint">The newest thousand are shown. `tailrace keys list` has all of them.</p>
      )}
    </>
  );
}

interface DialogProps {
  readonly open: Open;
  readonly connection: Connection;
  readonly owner: string | undefined;
  readonly owners: readonly string[];
  readonly served: readonly string[];
  onWritten(): void;
  onClose(): void;
}

function Dialog({ open, owner, ...props }: DialogProps): ReactNode {
  switch (open.what) {
    case 'create-key':
      return <KeyDialog {...props} owner={owner} />;
    case 'edit':
      return <KeyDialog {...props} of={open.key} />;
    case 'rotate':
      return <RotateDialog {...props} of={open.key} />;
    case 'revoke':
      return <RevokeDialog {...props} of={open.key} />;
    case 'create-owner':
      return <OwnerDialog {...props} />;
    case 'edit-owner':
      return <OwnerDialog {...props} of={open.owner} />;
    case 'delete-owner':
      return <DeleteOwnerDialog {...props} of={open.owner} />;
  }
}

/** Keys that are not revoked, by owner. */
function countsOf(keys: readonly Key[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys)
    if (key.fixed || isChangeable(key)) counts.set(key.owner, (counts.get(key.owner) ?? 0) + 1);
  return counts;
}

function namesIn(body: unknown): string[] {
  const data = listIn(body);
  return data.flatMap((entry) => (isObject(entry) && typeof entry['id'] === 'string' ? [entry['id']] : []));
}
