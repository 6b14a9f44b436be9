import { type ReactNode, useState } from 'react';
import { consoleAddress } from '../../app/route.ts';
import { FailureAlert } from '../../elements/failure-alert.tsx';
import { count } from '../../elements/format.ts';
import { useResource } from '../../signals/use-resource.ts';
import type { ViewProps } from '../console.tsx';
import { type AdministeredModel, commonPriceOf, modelsIn, priceWords, targetCounts } from './model.ts';
import './models.css';
import { TargetList } from './target-list.tsx';

const refreshMs = 5_000;

/** Every model with its targets, and how they do. */
export function Models({ connection }: ViewProps): ReactNode {
  const [typed, setTyped] = useState('');
  const { value: models, failure } = useResource(connection, '/admin/v1/models?limit=1000', {
    read: modelsIn,
    everyMs: refreshMs,
  });
  const sought = typed.trim().toLowerCase();
  const shown = (models ?? []).filter(({ id, aliases, targets }) =>
    [id, ...aliases, ...targets.map((target) => target.id)].some((name) =>
      name.toLowerCase().includes(sought),
    ),
  );
  return (
    <div className="view models">
      <header>
        <h2>Models</h2>
        {models !== undefined && <Counts of={models} />}
        <input
          type="search"
          className="filter"
          aria-label="Find a model"
          placeholder="Id, alias or target"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </header>
      {failure !== undefined && <FailureAlert failure={failure} />}
      {shown.map((model) => (
        <ModelSection key={model.id} of={model} />
      ))}
      {models !== undefined && shown.length === 0 && <p className="hint">No model is called so.</p>}
    </div>
  );
}

function Counts({ of }: { of: readonly AdministeredModel[] }): ReactNode {
  const { targets, unhealthy } = targetCounts(of);
  return (
    <p className="hint" role="status">
      {count(of.length)} {of.length === 1 ? 'model' : 'models'}, {count(targets)}{' '}
      {targets === 1 ? 'target' : 'targets'}
      {unhealthy > 0 && <strong className="unwell">, {count(unhealthy)} unhealthy</strong>}
    </p>
  );
}

function ModelSection({ of: model }: { of: AdministeredModel }): ReactNode {
  const { id, aliases, context_length: context, balance, fallbacks, targets } = model;
  const price = commonPriceOf(targets);
  const facts: readonly (readonly [string, ReactNode])[] = [
    ...(aliases.length === 0 ? [] : [['Aliases', aliases.join(', ')] as const]),
    ['Context', context === null ? 'unknown' : `${count(context)} tokens`],
    ...(targets.length > 1 ? [['Balance', balance === 'weight' ? 'by weight' : 'least busy'] as const] : []),
    ...(fallbacks.length === 0 ? [] : [['Fallbacks', fallbacks.join(' → ')] as const]),
    ...(price === undefined ? [] : [['Price per million tokens', priceWords(price) ?? 'none'] as const]),
  ];
  return (
    <section className="model-section" aria-label={id}>
      <header>
        <h3>{id}</h3>
        <a href={consoleAddress('requests', { model: id })} aria-label={`Requests of ${id}`}>
          Requests
        </a>
      </header>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <TargetList of={model} withPrice={price === undefined} />
    </section>
  );
}
