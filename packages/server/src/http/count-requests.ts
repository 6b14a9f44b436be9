import type { EndedOutcome, Instruments, ModelLabel } from '../telemetry/contract.ts';
import type { RequestRecord } from '../telemetry/request-log.ts';
import type { Route } from './route.ts';

/** Counts all requests, and those for completions once when they come and once when they have ended. */
export interface RequestCount {
  began(route: Pick<Route, 'path'>): void;
  /** The request is over. One whose run continues without it ends with {@link RequestCount.runEnded}. */
  ended(record: Pick<RequestRecord, 'route' | 'status' | 'code' | 'outcome' | 'model' | 'durationMs'>): void;
  runEnded(outcome: EndedOutcome, record: Pick<RequestRecord, 'code' | 'model' | 'durationMs'>): void;
}

export interface CountedRequests {
  readonly instruments: Instruments;
  /** The paths of the routes at which completions begin. */
  readonly paths: readonly string[];
  /** The public id of the model that a client calls so; undefined where there is none. */
  idOf(model: string): string | undefined;
}

export function countRequests({ instruments, paths, idOf }: CountedRequests): RequestCount {
  /** A client may name any model: a label is only what the configuration names. */
  const labelOf = (model: string | undefined): ModelLabel =>
    model === undefined ? 'none' : (idOf(model) ?? 'other');
  const runEnded: RequestCount['runEnded'] = (outcome, { code, model, durationMs }) => {
    const label = labelOf(model);
    instruments.requestsEnded.of(label, outcome).add(1);
    instruments.requestMs.note(Math.round(durationMs));
    if (code !== undefined) instruments.requestErrors.of(label, code).add(1);
  };
  return {
    began: ({ path }) => {
      if (paths.includes(path)) instruments.requestsStarted.add(1);
    },
    ended(record) {
      const { route, status = 0, outcome } = record;
      instruments.httpRequests.of(route, String(status)).add(1);
      if (paths.includes(route) && outcome !== 'detached') runEnded(outcome, record);
    },
    runEnded,
  };
}
