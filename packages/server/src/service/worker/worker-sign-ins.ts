import { createEndedSessions, type EndedSession } from '../../access/ended-sessions.ts';
import type { SignIns } from '../../access/sign-ins.ts';
import type { Ask } from '../../channels/calls.ts';
import type { ParentCalls } from '../between/calls.ts';

/** The sign-ins of a service as one of its workers has them: the parent keeps the codes, and tells all workers who has signed out. */
export interface WorkerSignIns extends SignIns {
  /** The parent says that these have signed out. */
  learn(ended: readonly EndedSession[]): void;
}

export function createWorkerSignIns(ask: Ask<ParentCalls>): WorkerSignIns {
  const own = createEndedSessions(Date.now);
  return {
    codes: {
      issue: (keyId) => ask('issueCode', keyId),
      redeem: (code) => ask('redeemCode', code),
    },
    ended: {
      has: own.has,
      async end(session) {
        own.add(session);
        // The parent has ended.
        await ask('endSession', session).catch(() => {});
      },
    },
    learn: (ended) => ended.forEach(own.add),
  };
}
