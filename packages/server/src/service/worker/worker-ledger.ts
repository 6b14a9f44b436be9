import type { Ask } from '../../channels/calls.ts';
import type { Link } from '../../channels/link.ts';
import { objectChannel } from '../../channels/object-channel.ts';
import type { Ledger } from '../../ledger/contract.ts';
import type { LedgerLog } from '../../ledger/ledger-log.ts';
import { type OpenedThread, threadOver } from '../../ledger/ledger-thread.ts';
import { createRestartedLedger } from '../../ledger/restarted-ledger.ts';
import type { ParentCalls } from '../between/calls.ts';
import { channels } from '../between/channels.ts';

/** The ledger of the parent's thread. Where the thread ends, the worker joins the next one. Rejects where the parent has ended. */
export async function joinLedger(link: Link, ask: Ask<ParentCalls>, log: LedgerLog): Promise<Ledger> {
  let next: number = channels.ledger;
  async function open(): Promise<OpenedThread> {
    const number = next;
    next += 1;
    const channel = objectChannel(link.channel(number));
    const ended = new Promise<void>((resolve) => channel.onClose(resolve));
    const thread = threadOver(channel, ended);
    try {
      await ask('joinLedger', number);
    } catch (error) {
      return { ok: false, message: String(error), wrong: false };
    }
    return { ok: true, thread };
  }
  const first = await open();
  if (!first.ok) throw new Error(first.message);
  return createRestartedLedger(first.thread, { open, log });
}
