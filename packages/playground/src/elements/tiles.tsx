import type { ReactNode } from 'react';
import { Sparkline } from './charts/sparkline.tsx';
import './tiles.css';

/** Figures side by side, above the charts or the table that explain them. */
export function Tiles({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <dl className="tiles" aria-label={name}>
      {children}
    </dl>
  );
}

interface TileProps {
  readonly name: string;
  readonly title?: string;
  readonly figure: string;
  readonly note?: string;
  /** The course of the figure, to now. */
  readonly values?: readonly (number | null)[];
}

export function Tile({ name, title, figure, note, values }: TileProps): ReactNode {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd className="figure">{figure}</dd>
      {note !== undefined && <dd className="hint">{note}</dd>}
      {values !== undefined && (
        <dd className="course" aria-hidden="true">
          <Sparkline values={values} />
        </dd>
      )}
    </div>
  );
}
