import type { ReactNode } from 'react';
import type { WireLog } from '../chat/wire-log.ts';
import { CodeText } from '../code-text/code-text.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { pretty } from './wire-events.tsx';

/** Longer texts are shown in part, and copied whole. */
const maxShown = 100_000;

/** The bodies of request and answer. Those of a stream are its payloads, one a line, as they came. */
export function WireJson({ wire }: { wire: WireLog }): ReactNode {
  const [first] = wire.exchanges;
  const refusal = wire.exchanges.at(-1)?.answer?.refusal;
  const payloads = (): string =>
    wire.events
      .filter(({ kind }) => kind !== 'comment')
      .map(({ data }) => data)
      .join('\n');
  return (
    <div className="bodies">
      {first?.requestBody !== undefined && <Body name="Request body" text={first.requestBody} />}
      {refusal !== undefined ? (
        <Body name="Response body" text={refusal} />
      ) : (
        wire.events.length > 0 && <Body name="Response body" text={payloads()} />
      )}
    </div>
  );
}

function Body({ name, text }: { name: string; text: string }): ReactNode {
  const whole = pretty(text);
  return (
    <figure className="code-block" aria-label={name}>
      <figcaption>
        <span>
          {name}
          {whole.length > maxShown ? `, the first ${maxShown / 1_000} kB` : ''}
        </span>
        <CopyButton text={whole} />
      </figcaption>
      <CodeText text={whole.slice(0, maxShown)} language="json" isComplete isWrapped />
    </figure>
  );
}
