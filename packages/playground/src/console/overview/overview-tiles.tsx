import type { ReactNode } from 'react';
import {
  bytes,
  compactCount,
  count,
  duration,
  money,
  percent,
  rate,
  unknownFigure,
} from '../../elements/format.ts';
import { Tile, Tiles } from '../../elements/tiles.tsx';
import { newestOf, type Series, type SeriesAnswer, sumOf, valuesOf } from './series-answer.ts';

interface OverviewTilesProps {
  readonly answer: SeriesAnswer | undefined;
  /** The last minute, in the finest steps: what is so now. */
  readonly now: SeriesAnswer | undefined;
  /** In millionths of a dollar. */
  readonly spentToday: number | undefined;
  readonly spentInDay: number | undefined;
}

/** The figures above all: what is so now, and how it came to that. */
export function OverviewTiles(props: OverviewTilesProps): ReactNode {
  const { answer, now, spentToday, spentInDay } = props;
  const current = (name: string): number | undefined => newestOf(valuesOf(now, name));
  const quantile = (name: string, share: string): Series['values'] =>
    valuesOf(answer, name, { quantile: share });
  const started = sumOf(answer, 'requests_started');
  const failed = sumOf(answer, 'request_errors');
  return (
    <Tiles name="Figures">
      <Tile
        name="Live streams"
        figure={shown(current('streams_live'), count)}
        note={engineNote(current('engine_running'), current('engine_queue'))}
        values={valuesOf(answer, 'streams_live')}
      />
      <Tile
        name="Tokens/s"
        figure={shown(current('completion_tokens'), rate)}
        note={`${shown(current('prompt_tokens'), rate)} of prompts`}
        values={valuesOf(answer, 'completion_tokens')}
      />
      <Tile
        name="TTFT"
        title="Time to first token"
        figure={shown(newestOf(quantile('ttft', '0.5')), duration)}
        note={`p99 ${shown(newestOf(quantile('ttft', '0.99')), duration)}`}
        values={quantile('ttft', '0.5')}
      />
      <Tile
        name="Gap"
        title="Between two writes of events to a client"
        figure={shown(newestOf(quantile('gap', '0.5')), duration)}
        note={`p99 ${shown(newestOf(quantile('gap', '0.99')), duration)}`}
        values={quantile('gap', '0.5')}
      />
      <Tile
        name="Requests"
        figure={answer === undefined ? unknownFigure : compactCount(started)}
        note={`${count(failed)} ${failed === 1 ? 'error' : 'errors'}${started > 0 ? `, ${percent(Math.min(1, failed / started))}` : ''}`}
        values={valuesOf(answer, 'requests_started')}
      />
      <Tile
        name="Spend today"
        figure={shown(spentToday, money)}
        note={`24 h: ${shown(spentInDay, money)}`}
        values={valuesOf(answer, 'spend')}
      />
      <Tile
        name="Event loop"
        title="How late the event loop was, of each 20 ms in which completions ran"
        figure={shown(newestOf(quantile('loop_delay', '0.99')), duration)}
        note="p99 of its delay"
        values={quantile('loop_delay', '0.99')}
      />
      <Tile
        name="Memory"
        title="Of all processes of the server, without those of the engine"
        figure={shown(current('memory'), bytes)}
        note="without models"
        values={valuesOf(answer, 'memory')}
      />
    </Tiles>
  );
}

function engineNote(running: number | undefined, waiting: number | undefined): string {
  if (running === undefined || waiting === undefined) return 'now';
  return `engine ${count(running)}, queue ${count(waiting)}`;
}

function shown(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? unknownFigure : format(value);
}
