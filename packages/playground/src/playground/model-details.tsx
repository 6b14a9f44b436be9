import { type ReactNode, useId, useRef } from 'react';
import type { ModelPrice, ServedModel, TokenPrices } from '../api/connection.ts';
import { compactCount, count } from '../elements/format.ts';
import './model-details.css';

/** What the chosen model can do, how much it reads and what it costs, in a window that the button opens beside the choice. */
export function ModelDetails({ model }: { model: ServedModel }): ReactNode {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const { contextLength, price } = model;
  const brief = [
    ...(contextLength === undefined ? [] : [compactCount(contextLength)]),
    ...(price?.input === undefined ? [] : [`${perMillion(price.input)} / ${perMillion(price.output ?? 0)}`]),
  ].join(' · ');
  return (
    <>
      {brief !== '' && <span className="hint model-brief">{brief}</span>}
      <button
        type="button"
        ref={button}
        className="quiet model-about"
        popoverTarget={id}
        aria-label="About this model"
        title="About this model"
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="6.5" />
          <path d="M8 7.2v4M8 4.6v.6" />
        </svg>
      </button>
      <div
        id={id}
        popover="auto"
        role="dialog"
        aria-label={`About ${model.id}`}
        className="model-details"
        onBeforeToggle={({ currentTarget }) => {
          // Popovers stand in the layer above the page: they know no neighbour.
          const { left, bottom } = button.current?.getBoundingClientRect() ?? { left: 0, bottom: 0 };
          const room = document.documentElement.clientWidth - widthPx;
          currentTarget.style.left = `${Math.max(8, Math.min(left, room))}px`;
          currentTarget.style.top = `${bottom + 6}px`;
        }}
      >
        <h2>{model.id}</h2>
        <dl>
          <Fact name="Context">
            {contextLength === undefined ? 'not told' : `${count(contextLength)} tokens`}
          </Fact>
          <Fact name="Price">{price === undefined ? 'none is set' : <Price price={price} />}</Fact>
        </dl>
        <Abilities capabilities={model.capabilities} />
      </div>
    </>
  );
}

/** Of the window, with its distance to the edge; also in `model-details.css`. */
const widthPx = 328;

function Fact({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Price({ price }: { price: ModelPrice }): ReactNode {
  return (
    <>
      {amounts(price)} <span className="hint">per million tokens</span>
      {price.request !== undefined && <span>and {perMillion(price.request)} a request</span>}
      {price.above.map(({ tokens, ...prices }) => (
        <span key={tokens}>
          {amounts({ ...price, ...prices })}{' '}
          <span className="hint">above {count(tokens)} tokens of prompt</span>
        </span>
      ))}
    </>
  );
}

function amounts({ input = 0, output = 0, cached }: TokenPrices): string {
  const parts = [`${perMillion(input)} prompt`, `${perMillion(output)} answer`];
  return [...parts, ...(cached === undefined ? [] : [`${perMillion(cached)} cached`])].join(', ');
}

/** Amounts of a price have few digits, and all of them count. */
function perMillion(dollars: number): string {
  const text = dollars.toFixed(12).replace(/0+$/, '');
  const [whole, decimals = ''] = text.split('.');
  return `$${whole}.${decimals.padEnd(2, '0')}`.replace(/\.00$/, '');
}

/** What people look for, and the feature of the API that stands for it. */
const abilities: readonly (readonly [name: string, features: readonly string[]])[] = [
  ['Tools', ['tools']],
  ['JSON by schema', ['json_schema']],
  ['JSON', ['json_object']],
  ['Images', ['image_input']],
  ['Audio', ['audio_input']],
  ['Files', ['file_input']],
  ['Speaks', ['audio_output']],
  ['Web search', ['web_search']],
  ['Log probabilities', ['logprobs']],
  ['Seed', ['seed']],
  ['Stop texts', ['stop']],
  ['Several answers', ['n']],
];

function Abilities({ capabilities }: { capabilities: readonly string[] | undefined }): ReactNode {
  if (capabilities === undefined) return null;
  const known = abilities.map(([name, features]) => ({
    name,
    has: features.some((feature) => capabilities.includes(feature)),
  }));
  return (
    <>
      <h3>Takes in a request</h3>
      <ul>
        {known.map(({ name, has }) => (
          <li key={name} className={has ? undefined : 'lacks'}>
            <span aria-hidden="true">{has ? '✓' : '–'}</span> {name}
            {!has && <span className="unseen"> (no)</span>}
          </li>
        ))}
      </ul>
    </>
  );
}
