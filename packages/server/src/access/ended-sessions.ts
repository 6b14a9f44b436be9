/** A session that was signed out. */
export interface EndedSession {
  readonly id: string;
  /** Unix seconds: no token of the session is valid after that. */
  readonly untilS: number;
}

/** The sessions that were signed out before their time, as far as this process knows them. They outlive a reload. */
export interface EndedSessions {
  has(id: string): boolean;
  /** Resolves when the processes that can be told know it. Never rejects. */
  end(session: EndedSession): Promise<void>;
}

/** Those of this process, and what another one is told when it starts. */
export interface OwnEndedSessions extends EndedSessions {
  add(session: EndedSession): void;
  list(): readonly EndedSession[];
}

/** Only administrators sign out; so many do it within 12 hours by a mistake of a program only. The oldest is dropped. */
const most = 10_000;

/** `now`: Unix milliseconds. */
export function createEndedSessions(now: () => number): OwnEndedSessions {
  const untilS = new Map<string, number>();

  function add(session: EndedSession): void {
    const nowS = now() / 1_000;
    for (const [id, until] of untilS) if (until <= nowS) untilS.delete(id);
    untilS.set(session.id, session.untilS);
    const [oldest] = untilS.keys();
    if (untilS.size > most && oldest !== undefined) untilS.delete(oldest);
  }

  return {
    has: (id) => untilS.has(id),
    add,
    end: async (session) => add(session),
    list: () => Array.from(untilS, ([id, until]) => ({ id, untilS: until })),
  };
}
