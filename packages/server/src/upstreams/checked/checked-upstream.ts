import { createHash } from 'node:crypto';
import type { ChatRequest } from '../../domain/chat-request.ts';
import type { Failure } from '../../domain/failure.ts';
import { createKeyCache } from '../../domain/key-cache.ts';
import { commits, type EventBatch, type StreamEvent } from '../../domain/stream-event.ts';
import { schemaProblem } from '../../json-schema/schema-problem.ts';
import type { ValidationThread } from '../../json-schema/validation-thread.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import { type EventStream, ownWaitMs, type Upstream, type UpstreamCall } from '../contract.ts';
import { createAnswerCheck, failureOf, schemaRefusal, schemaTextOf } from './answer-check.ts';

type Next = IteratorResult<EventBatch, undefined>;

const over: Next = { done: true, value: undefined };
const schemasKnown = 1_024;

/**
 * An upstream whose JSON answers are held to their `response_format`: a finish waits until the answer before it has
 * been judged, and a wrong one becomes `failed` (`upstream_protocol`) instead; where nothing of it was passed on,
 * before the commit. A schema that cannot be enforced fails before the upstream is asked. Requests for text pass by.
 */
export function checkAnswers<One extends Upstream>(upstream: One, thread: ValidationThread): One {
  /** Schemas that were compiled before, by their hash: only what is new is asked about ahead of the upstream. */
  const known = createKeyCache<true>({ maxEntries: schemasKnown });

  async function problemOf(schema: string, owner: TaskOwner): Promise<Failure | undefined> {
    // Its answer could not be checked: it is not worth asking for.
    const retryAfterMs = thread.restsForMs(owner.keyId);
    if (retryAfterMs > 0) return failureOf({ type: 'spent', retryAfterMs });
    const hash = createHash('sha256').update(schema).digest('base64');
    if (known.get(owner.keyId, hash)) return undefined;
    const problem = failureOf(await thread.run({ schema, keyId: owner.keyId }, owner));
    if (problem !== undefined) return problem;
    known.set(owner.keyId, hash, true);
    return undefined;
  }

  function openChecked(call: UpstreamCall, signal: AbortSignal): EventStream {
    const left = new AbortController();
    const owner: TaskOwner = { keyId: call.keyId, signal: left.signal };
    const check = createAnswerCheck(call.request, call.prefix ?? '', thread, owner);
    const schema = schemaTextOf(call.request.responseFormat);
    let events: EventStream | undefined;
    let ended = false;
    let committed = false;
    /** The batch whose finish is being judged. */
    let judging: Promise<Next> | undefined;
    let stop = () => {};
    /** What runs on the thread may still take seconds; a caller that has left does not wait for it. */
    const stopped = new Promise<undefined>((resolve) => {
      stop = () => {
        left.abort();
        resolve(undefined);
      };
    });
    signal.addEventListener('abort', stop);

    async function fail(said: readonly StreamEvent[], failure: Failure): Promise<Next> {
      ended = true;
      await events?.return();
      // Before the commit no event has left, so the failure alone is passed on and another target may be tried.
      return { done: false, value: [...(committed ? said : []), { type: 'failed', failure }] };
    }

    async function next(): Promise<Next> {
      if (ended) return over;
      if (events === undefined) {
        const problem =
          schema === undefined ? undefined : await Promise.race([problemOf(schema, owner), stopped]);
        if (signal.aborted || ended) return over;
        if (problem !== undefined) return fail([], problem);
        events = upstream.open(call, signal);
      }
      if (judging !== undefined) return await verdictOrLife(judging);
      const read = await events.next();
      if (read.done === true) return read;
      const batch = read.value;
      const finishes = batch.filter((event) => check.hears(event) && event.type === 'finish');
      if (finishes.length === 0) {
        committed ||= batch.some(commits);
        return read;
      }
      judging = judge(batch, new Set(finishes));
      return await verdictOrLife(judging);
    }

    async function judge(batch: EventBatch, finishes: ReadonlySet<StreamEvent>): Promise<Next> {
      for (const [index, event] of batch.entries()) {
        if (event.type !== 'finish' || !finishes.has(event)) continue;
        const failure = await check.judge(event);
        if (signal.aborted || ended) return over;
        if (failure !== undefined) return fail(batch.slice(0, index), failure);
      }
      committed ||= batch.some(commits);
      return { done: false, value: batch };
    }

    /** A check takes its time, and is no silence of the upstream's: it has said all it has to say. */
    async function verdictOrLife(verdict: Promise<Next>): Promise<Next> {
      const life: Next = { done: false, value: [] };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<Next>((resolve) => {
        if (call.patienceMs !== undefined) timer = setTimeout(resolve, ownWaitMs(call), life);
      });
      try {
        const next = (await Promise.race([verdict, late, stopped])) ?? over;
        if (next !== life) judging = undefined;
        return next;
      } finally {
        clearTimeout(timer);
      }
    }

    return {
      next,
      async return() {
        ended = true;
        signal.removeEventListener('abort', stop);
        stop();
        await events?.return();
        return over;
      },
    };
  }

  return {
    ...upstream,
    refuses: (request, model) => refusalOf(request) ?? upstream.refuses?.(request, model),
    open: (call, signal) =>
      call.request.responseFormat.type === 'text' ? upstream.open(call, signal) : openChecked(call, signal),
  };
}

/** By request: every target of a model is asked, and the schema is the same. */
const refusals = new WeakMap<ChatRequest, Failure | 'none'>();

function refusalOf(request: ChatRequest): Failure | undefined {
  const { responseFormat } = request;
  if (responseFormat.type !== 'json_schema') return undefined;
  const known = refusals.get(request);
  if (known !== undefined) return known === 'none' ? undefined : known;
  const problem = schemaProblem(responseFormat.schema ?? {});
  const refusal = problem === undefined ? undefined : schemaRefusal(problem);
  refusals.set(request, refusal ?? 'none');
  return refusal;
}
