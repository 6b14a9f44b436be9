import type { Channel } from '../channels/contract.ts';
import type { Progress } from '../storage/contract.ts';
import type { After } from './after.ts';
import { type Admission, type AdmissionAsk, idOfEnding, type KeyListener, type Ledger } from './contract.ts';
import { type CallName, createOutbox, type FromLedger, type ToLedger } from './messages.ts';

/** A process that is killed in this time has only delivered more than its records say. */
const lateMs = 10;

/**
 * The ledger of another thread or process. When the channel closes, admissions are `unavailable` and reads reject. `onLost` gets
 * each admission whose answer did not come: its intent may be stored all the same.
 */
export function createRemoteLedger(
  channel: Channel,
  after?: After,
  onLost?: (ask: AdmissionAsk) => void,
): Ledger {
  /** What to call when an ending is kept. */
  const unkept = new Map<number, () => void>();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  let closed = false;
  let onKeys: KeyListener | undefined;
  /** The last progress of each answer that has not been sent: an answer that ends before that needs none. */
  const marks = new Map<string, Progress>();
  const { post, postLate } = createOutbox<ToLedger[number]>(
    (messages) => {
      const late = [...marks.values()];
      marks.clear();
      if (closed || messages.length + late.length === 0) return;
      channel.send(late.length === 0 ? messages : [{ type: 'progress', args: [late] }, ...messages]);
    },
    { lateMs, after },
  );

  channel.onMessage((message) => {
    // Only the ledger writes to this channel.
    for (const one of message as FromLedger) {
      if (one.type === 'keys') {
        void takeKeys(one);
        continue;
      }
      if (one.type === 'kept') {
        for (const id of one.ids) {
          unkept.get(id)?.();
          unkept.delete(id);
        }
        continue;
      }
      const call = waiting.get(one.id);
      waiting.delete(one.id);
      if (one.type === 'answer') call?.resolve(one.value);
      else call?.reject(new Error(one.message));
    }
  });
  channel.onClose(() => {
    closed = true;
    for (const { reject } of waiting.values()) reject(new Error('the ledger has ended'));
    waiting.clear();
  });

  async function takeKeys({ id, book }: Extract<FromLedger[number], { type: 'keys' }>): Promise<void> {
    await onKeys?.(book);
    post({ type: 'keys-taken', id });
  }

  function wait(make: (id: number) => ToLedger[number]): Promise<unknown> {
    if (closed) return Promise.reject(new Error('the ledger has ended'));
    return new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      post(make(lastId));
    });
  }

  /** What the host answers has the type of the method: both sides are of one version. */
  function remote<Name extends CallName>(name: Name): Ledger[Name] {
    const call = (...args: readonly unknown[]) => wait((id) => ({ type: 'call', id, name, args }));
    return call as Ledger[Name];
  }

  const admit = remote('admit');
  const canAdmit = remote('canAdmit');
  const look = remote('look');
  const keepContent = remote('keepContent');
  return {
    admit: (ask) =>
      admit(ask).catch((): Admission => {
        onLost?.(ask);
        return { type: 'unavailable', what: 'records' };
      }),
    canAdmit: () => canAdmit().catch(() => false),
    look: (scopes) => (scopes.length === 0 ? Promise.resolve({}) : look(scopes).catch(() => ({}))),
    progress(reported) {
      for (const mark of reported) marks.set(mark.id, mark);
      postLate();
    },
    settle(ending, onKept) {
      marks.delete(idOfEnding(ending));
      if (onKept === undefined) {
        postLate({ type: 'settle', ending });
        return;
      }
      lastId += 1;
      unkept.set(lastId, onKept);
      postLate({ type: 'settle', ending, id: lastId });
    },
    touch: (...args) => postLate({ type: 'touch', args }),
    reading: remote('reading'),
    webhook: remote('webhook'),
    keepContent: (content) => keepContent(content).catch(() => {}),
    content: remote('content'),
    mask: remote('mask'),
    change: remote('change'),
    async watchKeys(listener) {
      onKeys = listener;
      await wait((id) => ({ type: 'watch-keys', id }));
    },
    async close() {
      if (!closed) await wait((id) => ({ type: 'close', id }));
      channel.close();
    },
    keysAfter: remote('keysAfter'),
    keyByHash: remote('keyByHash'),
    key: remote('key'),
    keys: remote('keys'),
    owner: remote('owner'),
    owners: remote('owners'),
    records: remote('records'),
    usage: remote('usage'),
    spent: remote('spent'),
  };
}
