import type { ReactNode } from 'react';
import { compactCount } from '../../elements/format.ts';
import type { Limited } from './key.ts';

/** The limits in a few words, one below the other: `60 requests/min`. */
export function LimitWords({ of }: { of: Limited }): ReactNode {
  const words = limitWordsOf(of);
  if (words.length === 0) return <span className="hint">none</span>;
  return words.map((one) => (
    <span key={one} className="line">
      {one}
    </span>
  ));
}

function limitWordsOf(of: Limited): string[] {
  const rows: [number | null, string][] = [
    [of.requests_per_minute, 'requests/min'],
    [of.tokens_per_minute, 'tokens/min'],
    [of.max_streams, of.max_streams === 1 ? 'stream' : 'streams'],
  ];
  return rows.flatMap(([value, unit]) => (value === null ? [] : [`${compactCount(value)} ${unit}`]));
}

export function ModelWords({ models }: { models: readonly string[] | null }): ReactNode {
  return models === null ? <span className="hint">all</span> : models.join(', ');
}
