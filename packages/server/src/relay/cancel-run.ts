import type { CancelOrder, EndedStatus } from '../peers/contract.ts';
import type { RunRegistry } from './run-registry.ts';

/**
 * Stops a run of this process and resolves with its status once it has ended, which is that of its record. A run that has ended
 * already keeps its own. Undefined where no such run is at work here, or only one of another key.
 */
export async function cancelRun(
  runs: Pick<RunRegistry, 'get'>,
  { id, keyId }: CancelOrder,
): Promise<EndedStatus | undefined> {
  const run = runs.get(id);
  if (run === undefined || (keyId !== undefined && run.keyId !== keyId)) return undefined;
  run.stop({ type: 'cancelled' });
  const { status } = await run.outcome;
  return status;
}
