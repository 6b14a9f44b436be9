import type { RunRegistry } from '../relay/run-registry.ts';
import type { Health } from '../routing/health.ts';
import type { RunView, ServiceView, TargetView } from './service-view.ts';

/** What this process runs, and how it sees its targets: as values that can be sent to another process. */
export interface OwnView extends ServiceView {
  runs(): readonly RunView[];
  targets(): readonly TargetView[];
}

export function createOwnView(runs: RunRegistry, health: Health): OwnView {
  return {
    runs: () =>
      runs.list().map((run) => {
        const { id, requestId, keyId, owner, model, target, stream, createdAtMs } = run;
        const completionTokens = run.completionTokens();
        return { id, requestId, keyId, owner, model, target, stream, createdAtMs, completionTokens };
      }),
    targets: () => health.list(),
  };
}
