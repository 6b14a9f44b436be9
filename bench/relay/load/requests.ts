import { monotonicUs, promptOf, tagCount } from '../record.ts';
import { ClientConnection, requestTo } from './client-connection.ts';
import type { LoadJob, LoadReport } from './load-job.ts';
import { AnswerClock, measureIn, Window } from './window.ts';

type RequestsJob = Extract<LoadJob, { kind: 'requests' }>;

/**
 * So many answers may be open; what is due beyond them is counted and not sent. More connections than the queue of a
 * listening socket holds (Node's default is 511) would be reset by the kernel, and the run would fail instead of saying
 * that the proxy is too slow.
 */
const maxOpen = 400;
/** The share of the warm-up in which the pace rises to its full height: no server compiles at 1,000 requests a second. */
const rampShare = 0.5;
const tickMs = 1;

/**
 * Sends requests at a steady pace, whether earlier ones have ended or not, over connections that are free or new. Times
 * count from the moment at which a request was due. Ends when every answer has; rejects at the first that is not whole.
 */
export async function runRequests(job: RequestsJob, report: (report: LoadReport) => void): Promise<void> {
  const { order, target, keepAlive } = job;
  const everyUs = 1e6 / job.perSecond;
  const free: Client[] = [];
  const clients: Client[] = [];
  const bytesSoFar = () => clients.reduce((sum, { connection }) => sum + connection.bytes, 0);
  const window = new Window(job.pids, job.upstreamPid, bytesSoFar);
  let tag = 0;
  let open = 0;
  let dueUs = monotonicUs();
  let fail = (_: Error): void => {};
  let drained = (): void => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });

  function newClient(): Client {
    const client: Client = {
      connection: new ClientConnection(target),
      clock: new AnswerClock(
        window,
        () => {
          free.push(client);
          open -= 1;
          if (open === 0) drained();
        },
        (reason) => fail(new Error(reason)),
      ),
    };
    clients.push(client);
    return client;
  }

  function send(askedUs: number): void {
    if (window.isOpen) window.offered += 1;
    if (open >= maxOpen) {
      if (window.isOpen) window.skipped += 1;
      return;
    }
    // The one that was used last: the others may be closed by the proxy when they have been idle for long.
    const { connection, clock } = free.pop() ?? newClient();
    open += 1;
    tag = (tag + 1) % tagCount;
    clock.begin(askedUs);
    connection.ask(requestTo(target, promptOf(tag, order), keepAlive), tag, order.records, clock);
  }

  const startUs = dueUs;
  const rampUs = job.warmUpMs * 1e3 * rampShare;
  const timer = setInterval(() => {
    for (const nowUs = monotonicUs(); dueUs <= nowUs; ) {
      send(dueUs);
      const pace = Math.min(1, Math.max(0.1, (dueUs - startUs) / rampUs));
      dueUs += everyUs / pace;
    }
  }, tickMs);
  try {
    const result = await measureIn(window, job, failed, report);
    clearInterval(timer);
    const end = new Promise<void>((resolve) => {
      drained = resolve;
    });
    if (open > 0) await Promise.race([failed, end]);
    report({ kind: 'result', result });
  } finally {
    clearInterval(timer);
    for (const { connection } of clients) connection.close();
  }
}

interface Client {
  readonly connection: ClientConnection;
  readonly clock: AnswerClock;
}
