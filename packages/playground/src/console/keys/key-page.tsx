import { type ReactNode, useEffect } from 'react';
import type { Connection } from '../../api/connection.ts';
import { consoleAddress } from '../../app/route.ts';
import { CopyButton } from '../../elements/copy-button.tsx';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { useResource } from '../../signals/use-resource.ts';
import type { Standings } from './budget.ts';
import { BudgetBar } from './budget-bar.tsx';
import { type Key, keyIn, labelOf, whyFixed } from './key.ts';
import { type KeyAction, KeyActions } from './key-actions.tsx';
import { LimitWords, ModelWords } from './key-limits.tsx';
import { Time } from './key-list.tsx';
import { KeyStateMark } from './key-state.tsx';
import { KeyUse } from './key-use.tsx';

interface KeyPageProps {
  readonly connection: Connection;
  readonly id: string;
  readonly standings: Standings;
  /** Another value: the key may have changed. */
  readonly turn: unknown;
  onAct(key: Key, action: KeyAction): void;
}

/** One key: what it may do, and what it has done. */
export function KeyPage({ connection, id, standings, turn, onAct }: KeyPageProps): ReactNode {
  const {
    value: key,
    failure,
    reload,
  } = useResource(connection, `/admin/v1/keys/${encodeURIComponent(id)}`, {
    read: keyIn,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: each turn asks again.
  useEffect(reload, [turn, reload]);
  return (
    <>
      <header>
        <a href={consoleAddress('keys')}>Keys</a>
        <span aria-hidden="true">/</span>
        <h2 tabIndex={-1}>{key === undefined ? id : labelOf(key)}</h2>
        {key !== undefined && (
          <span className="apart row">
            <KeyActions of={key} onAct={(action) => onAct(key, action)} />
          </span>
        )}
      </header>
      {failure !== undefined && <FailureAlert failure={failure} />}
      {key !== undefined && (
        <>
          {key.fixed && <p className="hint fixed-hint">This is a fixed key. {whyFixed}</p>}
          <div className="one-key">
            <Facts of={key} standings={standings} />
            <KeyUse connection={connection} id={id} />
          </div>
        </>
      )}
    </>
  );
}

function Facts({ of: key, standings }: { of: Key; standings: Standings }): ReactNode {
  const ofOwner = standings.get(`owner:${key.owner}`);
  const rows: readonly (readonly [string, ReactNode])[] = [
    ['State', <KeyStateMark key="state" of={key} />],
    [
      'Id',
      <span key="id" className="row">
        <code>{key.id}</code> <CopyButton text={key.id} />
      </span>,
    ],
    ['Prefix', key.prefix === null ? <Unknown key="prefix" /> : <code key="prefix">{key.prefix}</code>],
    [
      'Owner',
      <a key="owner" href={consoleAddress('keys', { owner: key.owner })}>
        {key.owner}
      </a>,
    ],
    ['Models', <ModelWords key="models" models={key.models} />],
    ['Limits', <LimitWords key="limits" of={key} />],
    ['Budget', <BudgetBar key="budget" budget={key.budget} standing={standings.get(`key:${key.id}`)} />],
    ...(ofOwner === undefined
      ? []
      : [['Owner’s budget', <BudgetBar key="of-owner" budget={null} standing={ofOwner} />] as const]),
    ['Expires', <Time key="expires" at={key.expires_at} isNull="never" />],
    ['Last used', <Time key="used" at={key.last_used_at} isNull="never" form="relative" />],
    ['Created', <Time key="created" at={key.created_at} isNull="–" />],
    ['Usage chunk', key.usage_chunk ?? <Unknown key="chunk" />],
    ...(Object.keys(key.metadata).length === 0
      ? []
      : [['Metadata', <code key="metadata">{JSON.stringify(key.metadata)}</code>] as const]),
  ];
  return (
    <dl className="key-facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Unknown(): ReactNode {
  return <span className="hint">–</span>;
}
