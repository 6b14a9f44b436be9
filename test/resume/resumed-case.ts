import { checkStream } from '@tailrace/protocol';
import { createDice, type Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { TestServer } from '../support/server.ts';
import { type Drop, type Received, readDropped, type Sent } from './dropped-connection.ts';
import { type NumberedEvent, readEvents, saidBy } from './numbered-events.ts';
import { type PlannedStream, planStream } from './planned-stream.ts';
import { messageFor } from './planned-upstream.ts';
import { postChat, type ReadRoute, readRoutes } from './read-routes.ts';

/** What one case has left behind, to be compared with the records and the upstream's counts. */
export interface PlayedCase {
  readonly number: number;
  readonly plan: PlannedStream;
  /** The completion of the stream that was resumed, and of the ordinary one beside it. */
  readonly resumedId: string | undefined;
  readonly ordinaryId: string | undefined;
  readonly drops: number;
  readonly comments: number;
  /** By name of the route. */
  readonly resumed: Readonly<Record<string, number>>;
  /** What is wrong, in words. */
  readonly faults: readonly string[];
}

/**
 * Plays planned stream `number` twice: as an ordinary stream, and as a resumable one whose client loses its connection up to
 * five times, while another client reads the same stream undisturbed. All must have received the same bytes.
 */
export async function playCase(number: number, servers: readonly TestServer[]): Promise<PlayedCase> {
  return await new ResumedCase(number, servers).play();
}

/** What another client has read meanwhile, from event `after` on. */
interface Beside {
  readonly name: string;
  readonly after: number;
  readonly received: Received;
}

/** Those whose answer is the stream itself. */
const eventRoutes = readRoutes.filter(({ read }) => read === undefined);

class ResumedCase {
  private readonly number: number;
  private readonly servers: readonly TestServer[];
  private readonly dice: Dice;
  private readonly plan: PlannedStream;
  private readonly apiKey: string;
  private readonly body: string;
  private idempotencyKey: string | undefined;
  private readonly faults: string[] = [];
  private readonly resumed: Record<string, number> = {};
  private readonly held: Received[] = [];
  /** Reads that go on beside the one of the client. */
  private readonly beside: Promise<Beside>[] = [];
  private drops = 0;
  private comments = 0;
  private id: string | undefined;
  /** The payloads that the client has; the first one is event 1. */
  private readonly payloads: string[] = [];
  private undisturbed: Promise<Received> | undefined;

  constructor(number: number, servers: readonly TestServer[]) {
    this.number = number;
    this.servers = servers;
    this.dice = createDice(number);
    this.plan = planStream(number);
    this.apiKey = servers[0]?.apiKey ?? '';
    this.body = this.bodyFor('returned');
    this.idempotencyKey = this.dice.chance(0.5) ? `case ${number}` : undefined;
  }

  async play(): Promise<PlayedCase> {
    const { number, plan } = this;
    const ordinary = readDropped({
      ...{ port: this.port(), drop: undefined },
      bytes: postChat(this.apiKey, this.bodyFor('ordinary'), {}),
    });
    try {
      if (plan.ending === 'refused') await this.readRefusal(await ordinary);
      else await this.readToTheEnd();
      if (plan.ending !== 'refused') await this.compare(await ordinary);
    } finally {
      for (const connection of this.held) connection.release();
    }
    return {
      ...{
        number,
        plan,
        faults: this.faults,
        drops: this.drops,
        comments: this.comments,
        resumed: this.resumed,
      },
      resumedId: this.id,
      ordinaryId: (await ordinary).response?.header('tailrace-completion-id'),
    };
  }

  private bodyFor(run: Parameters<typeof messageFor>[1]): string {
    const { n } = this.plan;
    const messages = [{ role: 'user', content: messageFor(this.number, run) }];
    return JSON.stringify({ model: 'planned', stream: true, messages, ...(n === 1 ? {} : { n }) });
  }

  private port(): number {
    return this.dice.pick(this.servers).port;
  }

  private fault(what: string): void {
    this.faults.push(what);
  }

  /** The POST, then one read after another, until the last event is there. */
  private async readToTheEnd(): Promise<void> {
    const drops = this.dice.below(6);
    // Without a key, a client that has no head does not know how to come back.
    await this.begin(drops === 0 ? undefined : this.drop(this.idempotencyKey === undefined ? 1_500 : 0));
    for (let left = drops - 1; !this.isWhole(); left -= 1) {
      if (this.dice.chance(0.6)) await delay(this.dice.below(150));
      // Where only the head was lost, the first read must bring the id.
      await this.readOn(left > 0 ? this.drop(0) : undefined);
      if (left < -500) {
        this.fault(`the stream never ends: ${this.payloads.length} events`);
        return;
      }
    }
    if (this.dice.chance(0.3)) await this.readNothing();
  }

  private async begin(drop: Drop | undefined): Promise<void> {
    const { idempotencyKey } = this;
    const keyed = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    const bytes = postChat(this.apiKey, this.body, { 'Tailrace-Resumable': 'true', ...keyed });
    const first = this.read({ bytes, drop, port: this.port(), onHead: (head) => this.headCame(head) });
    if (idempotencyKey !== undefined && this.dice.chance(0.5)) {
      // The same request twice at the same time: one of them starts the run, whichever comes first.
      this.undisturbed = readDropped({ bytes, drop: undefined, port: this.port() });
    }
    this.take(await first, 'the first read');
  }

  private headCame(head: { header(name: string): string | undefined }): void {
    const id = head.header('tailrace-completion-id');
    if (id === undefined) return;
    this.undisturbed ??= readDropped({
      ...{ drop: undefined, port: this.port() },
      bytes: this.requestOf(0, id).bytes,
    });
  }

  /** One more read from the last event on, by a route that the client can take. At times two reads at once. */
  private async readOn(drop: Drop | undefined): Promise<void> {
    const after = this.payloads.length;
    const { bytes, route } = this.requestOf(after, this.id, readRoutes);
    const { name } = route;
    this.resumed[name] = (this.resumed[name] ?? 0) + 1;
    if (this.dice.chance(0.2)) this.beside.push(this.readBeside(after));
    const received = await this.read({
      ...{ bytes, drop, port: this.port() },
      onHead: (head) => this.headCame(head),
    });
    this.take(received, name, route);
  }

  private requestOf(
    after: number,
    id: string | undefined,
    routes: readonly ReadRoute[] = eventRoutes,
  ): { readonly name: string; readonly route: ReadRoute; readonly bytes: Buffer } {
    const { apiKey, body, idempotencyKey } = this;
    const ways = routes.flatMap((route) => {
      const bytes = route.request({ apiKey, body, idempotencyKey, id, after });
      return bytes === undefined ? [] : [{ name: route.name, route, bytes }];
    });
    return this.dice.pick(ways);
  }

  private async read(sent: Sent): Promise<Received> {
    // A proxy may speak HTTP/1.0. There a torn stream ends by a reset, which takes the last bytes along.
    const old = this.plan.ending === 'whole' && this.dice.chance(0.1);
    const received = await readDropped(old ? { ...sent, bytes: withVersion10(sent.bytes) } : sent);
    this.held.push(received);
    if (received.ended === 'dropped') this.drops += 1;
    return received;
  }

  /** Appends what a read has brought. */
  private take({ response, ended }: Received, route: string, by?: ReadRoute): void {
    if (ended === 'reset') this.fault(`${route}: the server reset the connection`);
    if (response === undefined) return;
    const isEmpty = by?.read !== undefined && response.status === 204;
    if (response.status !== 200 && !isEmpty) {
      this.fault(
        `${route} after ${this.payloads.length}: status ${response.status} ${response.body.toString()}`,
      );
      return;
    }
    this.id ??= response.header('tailrace-completion-id');
    const { events, rest, comments } =
      by?.read?.(response, this.payloads.length) ?? readEvents(response.body.toString('latin1'));
    this.comments += comments;
    if (ended === 'end' && !response.complete) this.fault(`${route}: the body has no end`);
    if (ended === 'end' && rest !== '') this.fault(`${route}: the body ends in ${JSON.stringify(rest)}`);
    for (const { number, payload } of events) {
      if (number !== this.payloads.length + 1) {
        this.fault(`${route}: event ${number} after ${this.payloads.length}`);
        return;
      }
      this.payloads.push(payload);
    }
    if (ended === 'end' && !this.isWhole() && by?.read === undefined)
      this.fault(`${route}: the answer ended before the stream`);
  }

  /** A second client of the same stream, from the same position on. */
  private async readBeside(after: number): Promise<Beside> {
    const { name, bytes } = this.requestOf(after, this.id);
    return { name, after, received: await readDropped({ bytes, drop: undefined, port: this.port() }) };
  }

  private compareBeside(
    { name, after, received: { response } }: Beside,
    all: readonly NumberedEvent[],
  ): void {
    const { events, rest } = readEvents(response?.body.toString('latin1') ?? '');
    if (rest === '' && framed(events) === framed(all.slice(after))) return;
    const has = `${response?.status} with ${events.length} events and ${JSON.stringify(rest.slice(0, 200))}`;
    this.fault(
      `${name}, a second reader from ${after} on, has ${has}, the undisturbed one has ${all.length}`,
    );
  }

  private isWhole(): boolean {
    const last = this.payloads.at(-1);
    return last !== undefined && (last === '[DONE]' || last.startsWith('{"error"'));
  }

  /** A client that has everything gets an empty answer. */
  private async readNothing(): Promise<void> {
    const { name, bytes } = this.requestOf(this.payloads.length, this.id);
    const { response } = await readDropped({ bytes, drop: undefined, port: this.port() });
    if (response?.status !== 204 || response.body.length > 0) {
      this.fault(`${name} after the last event: ${response?.status}, not 204`);
    }
  }

  private drop(atLeastBytes: number): Drop {
    const { dice } = this;
    const how = dice.pick(['close', 'reset', 'half-open'] as const);
    const beforeHead = atLeastBytes === 0 && dice.chance(0.15);
    // A short answer of a read again: often less than one event, so no new number arrives.
    const size = dice.pick([600, 2_000, 6_000, 20_000, 100_000]);
    const afterBytes = beforeHead ? 0 : Math.max(1, atLeastBytes + dice.below(size));
    return { how, afterBytes, afterMs: dice.below(60) };
  }

  /** All three have the same: the client that came back, the one that was never cut, and one of an ordinary stream. */
  private async compare(ordinary: Received): Promise<void> {
    const { response } = (await this.undisturbed) ?? {};
    const whole = readEvents(response?.body.toString('latin1') ?? '');
    for (const one of await Promise.all(this.beside)) this.compareBeside(one, whole.events);
    const joined = this.payloads.map((payload, index) => ({ number: index + 1, payload }));
    if (whole.rest !== '')
      this.fault(`the undisturbed reader has ${JSON.stringify(whole.rest.slice(0, 200))}`);
    if (framed(whole.events) !== framed(joined)) {
      this.fault(`${joined.length} events are not the ${whole.events.length} of the undisturbed reader`);
    }
    const { violations } = checkStream(Buffer.from(framed(joined)), { resumedFrom: 1, choices: this.plan.n });
    if (violations[0] !== undefined) this.fault(`it breaks the grammar: ${JSON.stringify(violations[0])}`);
    const plain = payloadsOf(ordinary);
    const kept = saidBy(this.payloads);
    const differs = kept.findIndex((payload, index) => payload !== plain[index]);
    if (kept.length !== plain.length || differs !== -1) {
      this.fault(`event ${differs + 1} of ${kept.length} differs from an ordinary stream of ${plain.length}:
${kept[differs]?.slice(0, 300)}
${plain[differs]?.slice(0, 300)}`);
    }
  }

  /** An answer that fails before any output says so to later readers too; as an HTTP error, unless its head has left. */
  private async readRefusal(ordinary: Received): Promise<void> {
    const bytes = postChat(this.apiKey, this.body, { 'Tailrace-Resumable': 'true' });
    // A key would run the request again: one that failed before any output is forgotten.
    this.idempotencyKey = undefined;
    const first = await readDropped({ bytes, drop: undefined, port: this.port() });
    this.id = first.response?.header('tailrace-completion-id');
    const { bytes: request } = this.requestOf(0, this.id ?? 'none');
    const again = await readDropped({ bytes: request, drop: undefined, port: this.port() });
    for (const one of [first, again]) {
      if (errorIn(one) === '' || errorIn(one) !== errorIn(ordinary)) {
        this.fault(`refused with ${errorIn(one)}, ordinarily with ${errorIn(ordinary)}`);
      }
    }
  }
}

function errorIn({ response }: Received): string {
  return /"error":\{.*"code":"[^"]*"/.exec(response?.body.toString('latin1') ?? '')?.[0] ?? '';
}

function withVersion10(request: Buffer): Buffer {
  return Buffer.from(request.toString('latin1').replace(' HTTP/1.1\r\n', ' HTTP/1.0\r\n'), 'latin1');
}

function framed(events: readonly { readonly number: number; readonly payload: string }[]): string {
  return events.map(({ number, payload }) => `id: ${number}\ndata: ${payload}\n\n`).join('');
}

function payloadsOf({ response }: Received): string[] {
  const body = response?.body.toString('latin1') ?? '';
  return saidBy([...body.matchAll(/^data: (.*)\n$/gm)].map(([, payload = '']) => payload));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
