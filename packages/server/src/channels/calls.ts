import type { Channel } from './contract.ts';

/** The calls that one side answers: each takes and gives one value that can be cloned. */
export type CallTable = Readonly<Record<string, (argument: never) => unknown>>;

/** Calls the other side. Rejects where the channel closes first, or where the other side has thrown. */
export type Ask<Table extends CallTable> = <Name extends keyof Table & string>(
  name: Name,
  argument: Parameters<Table[Name]>[0],
) => Promise<Awaited<ReturnType<Table[Name]>>>;

type Message =
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly argument: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly message: string };

/** Joins the two sides of a channel: answers calls by `own`, and returns the calls of the other side. */
export function createCalls<Theirs extends CallTable>(channel: Channel, own: CallTable): Ask<Theirs> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let closed = false;
  const send = (message: Message): void => channel.send(message);

  async function answer({ id, name, argument }: Extract<Message, { type: 'call' }>): Promise<void> {
    try {
      const method = own[name] as ((argument: unknown) => unknown) | undefined;
      if (method === undefined) throw new Error(`nothing answers ${name}`);
      send({ type: 'answer', id, value: await method(argument) });
    } catch (error) {
      send({ type: 'failed', id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  channel.onMessage((received) => {
    // Only the other end of this channel writes to it.
    const message = received as Message;
    if (message.type === 'call') {
      void answer(message);
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === 'answer') call?.resolve(message.value);
    else call?.reject(new Error(message.message));
  });
  channel.onClose(() => {
    closed = true;
    for (const { reject } of waiting.values()) reject(new Error(otherSideEnded));
    waiting.clear();
  });

  function ask(name: string, argument: unknown): Promise<unknown> {
    if (closed) return Promise.reject(new Error(otherSideEnded));
    lastId += 1;
    const call = Promise.withResolvers<unknown>();
    waiting.set(lastId, call);
    send({ type: 'call', id: lastId, name, argument });
    return call.promise;
  }
  // What the other side answers has the type of its table: both are of one version.
  return ask as Ask<Theirs>;
}

const otherSideEnded = 'the other process has ended';
