import type { CancelOrder, EndedStatus, PeerDuties, Peers } from '../contract.ts';

/** The processes of one service, as one of them reaches all. */
export interface MemoryPeerGroup {
  /** Another process of the group. */
  join(): Peers;
}

/** Makes a group without members. `answerMs`: how long each waits for the others' answers. */
export function createMemoryPeers(answerMs: number): MemoryPeerGroup {
  const members = new Set<{ duties: PeerDuties | undefined }>();

  return {
    join() {
      const own: { duties: PeerDuties | undefined } = { duties: undefined };
      const waiting = new Set<() => void>();
      members.add(own);
      return {
        serve: (duties) => {
          own.duties = duties;
        },
        async cancel(order) {
          if (!members.has(own)) return undefined;
          const others = [...members].filter((member) => member !== own);
          const gaveUp = Promise.withResolvers<undefined>();
          const giveUp = () => gaveUp.resolve(undefined);
          waiting.add(giveUp);
          const timer = setTimeout(giveUp, answerMs);
          try {
            return await Promise.race([firstOf(others, order), gaveUp.promise]);
          } finally {
            clearTimeout(timer);
            waiting.delete(giveUp);
          }
        },
        async close() {
          members.delete(own);
          for (const giveUp of waiting) giveUp();
        },
      };
    },
  };
}

/** The first status that a member has; undefined once each has answered that it has none. */
function firstOf(
  members: readonly { readonly duties: PeerDuties | undefined }[],
  order: CancelOrder,
): Promise<EndedStatus | undefined> {
  return new Promise((resolve) => {
    const answers = members.map(async ({ duties }) => {
      const status = await duties?.cancel({ ...order }).catch(() => undefined);
      if (status !== undefined) resolve(status);
    });
    void Promise.all(answers).then(() => resolve(undefined));
  });
}
