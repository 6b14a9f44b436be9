import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { type AdministeredModel, featureWords, healthWords, priceWords, type Target } from './model.ts';

interface TargetListProps {
  readonly of: AdministeredModel;
  /** The targets have different prices. */
  readonly withPrice: boolean;
}

export function TargetList({ of: model, withPrice }: TargetListProps): ReactNode {
  const columns: Column<Target>[] = [
    { name: 'Target', cell: (target) => <TargetName of={target} /> },
    { name: 'State', cell: (target) => <Health of={target} /> },
    { name: 'In flight', align: 'end', cell: ({ in_flight: inFlight }) => inFlight },
    { name: 'Recent failures', align: 'end', cell: ({ recent_failures: failures }) => failures },
    { name: 'Priority', align: 'end', cell: ({ priority }) => priority },
    { name: 'Weight', align: 'end', cell: ({ weight }) => weight },
    {
      name: 'Takeover',
      cell: ({ takeover }) => takeover ?? <span className="hint">default</span>,
    },
    ...(withPrice
      ? [
          {
            name: 'Price per million tokens',
            cell: ({ price }: Target) => priceWords(price) ?? <span className="hint">none</span>,
          },
        ]
      : []),
    { name: 'Honours', cell: ({ capabilities }) => <Features of={capabilities} /> },
  ];
  return (
    <DataTable
      name={`Targets of ${model.id}`}
      columns={columns}
      rows={model.targets}
      keyOf={({ id }) => id}
      empty={<p>None of its targets could be created. The log of the start says why.</p>}
    />
  );
}

function TargetName({ of: { id, engine } }: { of: Target }): ReactNode {
  if (engine === null) return <span className="named">{id}</span>;
  const file = engine.file?.split(/[\\/]/).at(-1) ?? 'default model';
  return (
    <>
      <span className="line named">{id}</span>
      <span className="line hint" title={engine.file ?? undefined}>
        {file} · {engine.sequences} {engine.sequences === 1 ? 'sequence' : 'sequences'}
      </span>
    </>
  );
}

function Health({ of: target }: { of: Target }): ReactNode {
  const [word, ...more] = healthWords(target, Date.now()).split(', ');
  return (
    <>
      <span className={`target-state ${target.breaker === 'closed' ? 'healthy' : target.breaker}`}>
        {word}
      </span>
      {more.length > 0 && <span className="line hint">{more.join(', ')}</span>}
    </>
  );
}

function Features({ of }: { of: readonly string[] }): ReactNode {
  const words = featureWords(of);
  return (
    <span className="features" title={of.join(', ')}>
      {words.length === 0 ? <span className="hint">plain text</span> : words.join(', ')}
    </span>
  );
}
