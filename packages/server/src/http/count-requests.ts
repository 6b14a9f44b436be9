import type { EndedOutcome, Instruments } from '../telemetry/contract.ts';
import type { ExchangeNotes } from './exchange.ts';
import type { Route } from './route.ts';

/** Counts the requests for completions: each once when it comes, and once when it has ended. */
export interface RequestCount {
  began(route: Pick<Route, 'path'>): void;
  /** The request is over. One whose run continues without it ends with {@link RequestCount.runEnded}. */
  ended(notes: Pick<ExchangeNotes, 'route' | 'code'> & Required<Pick<ExchangeNotes, 'outcome'>>): void;
  runEnded(outcome: EndedOutcome, code: ExchangeNotes['code']): void;
}

/** `paths`: those of the routes at which completions begin. */
export function countRequests(instruments: Instruments, paths: readonly string[]): RequestCount {
  const runEnded: RequestCount['runEnded'] = (outcome, code) => {
    instruments.requestsEnded.of(outcome).add(1);
    if (code !== undefined) instruments.requestErrors.of(code).add(1);
  };
  return {
    began: ({ path }) => {
      if (paths.includes(path)) instruments.requestsStarted.add(1);
    },
    ended: ({ route, outcome, code }) => {
      if (route !== undefined && paths.includes(route) && outcome !== 'detached') runEnded(outcome, code);
    },
    runEnded,
  };
}
