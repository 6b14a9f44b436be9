import { createEndedSessions, type EndedSessions, type OwnEndedSessions } from './ended-sessions.ts';
import { createSignInCodes, type SignInCodes } from './sign-in-codes.ts';

/** What is kept of the sign-ins of browsers: codes that were not used yet, and sessions that were signed out. */
export interface SignIns {
  readonly codes: SignInCodes;
  readonly ended: EndedSessions;
}

/** Those that this process keeps itself, for the whole service. */
export interface OwnSignIns extends SignIns {
  readonly codes: ReturnType<typeof createSignInCodes>;
  readonly ended: OwnEndedSessions;
}

/** `now`: Unix milliseconds. */
export function createSignIns(now: () => number): OwnSignIns {
  return { codes: createSignInCodes(now), ended: createEndedSessions(now) };
}
