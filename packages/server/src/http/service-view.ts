import type { RunFacts } from '../relay/run.ts';
import type { TargetHealth, TargetNames } from '../routing/health.ts';

/** A run in the list of the administration. */
export interface RunView
  extends Pick<RunFacts, 'id' | 'requestId' | 'keyId' | 'owner' | 'model' | 'stream' | 'createdAtMs'> {
  readonly target: string | undefined;
  readonly completionTokens: number;
}

/** A target, and its health. */
export interface TargetView extends TargetNames {
  readonly health: TargetHealth;
}

/** What the administration shows of the whole service, whatever process it lives in. */
export interface ServiceView {
  /** The runs at work now, oldest first. */
  runs(): readonly RunView[] | Promise<readonly RunView[]>;
  /** Every target that has had a request. */
  targets(): readonly TargetView[] | Promise<readonly TargetView[]>;
}

/** The health of each target in such a list; that of a target which is not in it is good. */
export function healthIn(views: readonly TargetView[]): (upstream: string, model: string) => TargetHealth {
  const found = new Map(views.map((view) => [JSON.stringify([view.upstream, view.model]), view.health]));
  return (upstream, model) => found.get(JSON.stringify([upstream, model])) ?? untouched;
}

const untouched: TargetHealth = { breaker: 'closed', inFlight: 0, recentFailures: 0, retryInMs: 0 };
