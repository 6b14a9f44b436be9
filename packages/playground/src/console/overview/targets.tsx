import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../elements/data-table.tsx';
import { count } from '../../elements/format.ts';
import type { SeriesAnswer } from './series-answer.ts';
import { type TargetHistory, type TargetState, targetHistories } from './target-history.ts';
import { TargetTimeline, TimelineAxis } from './target-timeline.tsx';

/** The history of a day, in steps of five minutes. */
export const historySeconds = 86_400;
export const historyStep = { seconds: 300, text: '5m' } as const;

interface TargetsProps {
  readonly day: SeriesAnswer;
  /** The last minute: the states now. */
  readonly now: SeriesAnswer | undefined;
}

const stateNames: Readonly<Record<TargetState, string>> = {
  healthy: 'healthy',
  'half-open': 'half-open',
  open: 'breaker open',
};

export function Targets({ day, now }: TargetsProps): ReactNode {
  const histories = targetHistories(day, historyStep.seconds);
  const states = new Map(
    now === undefined ? [] : targetHistories(now, 10).map(({ name, state }) => [name, state]),
  );
  const stateOf = ({ name, state }: TargetHistory): TargetState => states.get(name) ?? state;
  const figure = (name: string, of: (history: TargetHistory) => number): Column<TargetHistory> => ({
    ...{ name, align: 'end' },
    cell: (history) => (of(history) === 0 ? <span className="none">0</span> : count(of(history))),
  });
  return (
    <section className="targets" aria-labelledby="targets-name">
      <header>
        <h3 id="targets-name">Health of the targets, 24 h</h3>
        <TimelineKey />
      </header>
      <DataTable
        name="Targets"
        rows={histories}
        keyOf={({ name }) => name}
        empty={<p>No target has been asked since the server was started.</p>}
        columns={[
          { name: 'Target', maxWidth: '30ch', cell: ({ name }) => <span title={name}>{name}</span> },
          {
            name: 'Now',
            cell: (history) => (
              <span className={`target-state ${stateOf(history)}`}>{stateNames[stateOf(history)]}</span>
            ),
          },
          {
            name: 'Last 24 h',
            cell: (history) => (
              <TargetTimeline history={history} from={day.since} to={day.since + historySeconds} />
            ),
            foot: <TimelineAxis />,
          },
          figure('Attempts', ({ attempts }) => attempts),
          figure('Failures', ({ failures }) => failures),
          figure('Failovers', ({ failovers }) => failovers),
          figure('Hedges', ({ hedges }) => hedges),
          figure('Takeovers', ({ takeovers }) => takeovers),
        ]}
      />
      <p className="hint">
        Steps of five minutes, each with its worst state. Failovers, hedges and takeovers are counted at the
        target that was asked then.
      </p>
    </section>
  );
}

function TimelineKey(): ReactNode {
  return (
    <ul className="chart-legend" aria-label="Legend of the timelines">
      <li>
        <span className="swatch state healthy" /> healthy
      </li>
      <li>
        <span className="swatch state half-open" /> half-open
      </li>
      <li>
        <span className="swatch state open" /> breaker open
      </li>
      <li>
        <span className="swatch mark hedge" /> hedge
      </li>
      <li>
        <span className="swatch mark takeover" /> takeover
      </li>
    </ul>
  );
}
