import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import { type Drop, type Received, readDropped } from '../resume/dropped-connection.ts';
import { readEvents } from '../resume/numbered-events.ts';
import { postChat, readRoutes } from '../resume/read-routes.ts';
import type { RawResponse } from '../support/http-bytes.ts';
import { bodyOf, type Drip } from './dripping-upstream.ts';

/** What a client has received of one stream. */
export interface ReadStream {
  readonly id: string | undefined;
  /** The first one is event 1. */
  readonly payloads: readonly string[];
  /** Connections that it has lost, by itself or not. */
  readonly lost: number;
  /** Answers of 503 after which it has asked again, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** What is wrong, in words. */
  readonly faults: readonly string[];
}

export interface ReturningOptions {
  /** Of the balancer. */
  readonly port: number;
  readonly apiKey: string;
  readonly drip: Drip;
  /** Default: that of {@link bodyOf}. */
  readonly model?: string;
  readonly dice: Dice;
  /** Most of the connections that it closes by itself. */
  readonly drops: number;
  /** It gives up then. */
  readonly withinMs: number;
}

/**
 * Reads one stream as a careful client does: it sends its request with an idempotency key, comes back by a random route with the
 * number of its last event whenever its connection is gone, and waits where it is asked to.
 */
export async function readReturning(options: ReturningOptions): Promise<ReadStream> {
  const { port, apiKey, drip, model, dice, withinMs } = options;
  const body = bodyOf(drip, { stream: true, ...(model === undefined ? {} : { model }) });
  const idempotencyKey = drip.name;
  const payloads: string[] = [];
  const refused: Record<string, number> = {};
  const faults: string[] = [];
  const held: Received[] = [];
  let id: string | undefined;
  let lost = 0;
  let drops = dice.below(1 + options.drops);
  const deadlineMs = performance.now() + withinMs;

  try {
    while (!isWhole(payloads.at(-1)) && faults.length === 0) {
      if (performance.now() > deadlineMs)
        faults.push(`no end within ${withinMs} ms: ${payloads.length} events`);
      else await readOn();
    }
  } finally {
    for (const one of held) one.release();
  }
  return { id, payloads, lost, refused, faults };

  async function readOn(): Promise<void> {
    const after = payloads.length;
    const known = { apiKey, body, idempotencyKey, id, after };
    const ways = readRoutes.flatMap((route) => {
      const bytes = route.request(known);
      return bytes === undefined ? [] : [{ route, bytes }];
    });
    const begins = id === undefined;
    const way = begins ? undefined : dice.pick(ways);
    const repeatable = { 'Idempotency-Key': idempotencyKey, 'Tailrace-Resumable': 'true' };
    const drop = drops > 0 ? dropOf(dice) : undefined;
    if (drop !== undefined) drops -= 1;
    const received = await readDropped({
      port,
      bytes: way?.bytes ?? postChat(apiKey, body, repeatable),
      drop,
    });
    held.push(received);
    const name = way?.route.name ?? 'POST';
    const { response } = received;
    if (received.ended !== 'end') lost += 1;
    if (response === undefined) return await sleep(dice.below(200));
    if (response.status === 503) return await waitAsAsked(response, name);
    if (response.status !== 200 && !(response.status === 204 && way?.route.read !== undefined)) {
      faults.push(`${name} after ${after}: status ${response.status} ${response.body.toString()}`);
      return;
    }
    id ??= response.header('tailrace-completion-id');
    take(way?.route.read?.(response, after) ?? readEvents(response.body.toString('latin1')), name);
  }

  function take({ events }: ReturnType<typeof readEvents>, name: string): void {
    for (const { number, payload } of events) {
      if (number !== payloads.length + 1) {
        faults.push(`${name}: event ${number} after ${payloads.length}`);
        return;
      }
      payloads.push(payload);
    }
  }

  async function waitAsAsked(response: RawResponse, name: string): Promise<void> {
    const code = /"code":"([a-z_]+)"/.exec(response.body.toString())?.[1] ?? '';
    refused[code] = (refused[code] ?? 0) + 1;
    const afterMs = Number(response.header('retry-after-ms'));
    if (!(afterMs > 0 && Number(response.header('retry-after')) > 0)) {
      faults.push(`${name}: 503 ${code} does not say when to come again`);
    }
    await sleep(Math.min(1_000, afterMs || 0));
  }
}

/** The last event of a stream. */
export function isWhole(payload: string | undefined): boolean {
  return payload !== undefined && (payload === '[DONE]' || payload.startsWith('{"error"'));
}

/** The text that the payloads of a stream carry. */
export function saidText(payloads: readonly string[]): string {
  return payloads
    .filter((payload) => payload.startsWith('{"id"'))
    .map((payload) => {
      const { choices } = JSON.parse(payload) as {
        readonly choices: readonly { readonly delta: { readonly content?: string } }[];
      };
      return choices[0]?.delta.content ?? '';
    })
    .join('');
}

function dropOf(dice: Dice): Drop {
  const how = dice.pick(['close', 'reset', 'half-open'] as const);
  return { how, afterBytes: 1 + dice.below(dice.pick([800, 3_000, 8_000])), afterMs: 0 };
}
