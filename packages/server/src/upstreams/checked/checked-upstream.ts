import { createHash } from 'node:crypto';
import type { ChatRequest } from '../../domain/chat-request.ts';
import type { Failure } from '../../domain/failure.ts';
import { createKeyCache } from '../../domain/key-cache.ts';
import { schemaProblem } from '../../json-schema/schema-problem.ts';
import type { ValidationThread } from '../../json-schema/validation-thread.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import { type EventStream, maxHoldMs, type Upstream, type UpstreamCall } from '../contract.ts';
import { createAnswerCheck, failureOf, schemaRefusal, schemaTextOf } from './answer-check.ts';
import { openCheckedStream } from './checked-stream.ts';

const schemasKnown = 1_024;

/**
 * Wraps an upstream so that its JSON answers are checked against their `response_format`: each finish is held until the text of
 * its choice is checked. Where that text is not valid, `failed` (`upstream_protocol`) replaces the finish. Where nothing was
 * passed on yet, the failure comes before the commit. A schema that cannot be enforced fails before the upstream is asked.
 * Requests for text are not changed.
 */
export function checkAnswers<One extends Upstream>(upstream: One, thread: ValidationThread): One {
  /** The hashes of schemas that were compiled before: only a new schema is compiled before the upstream is asked. */
  const known = createKeyCache<true>({ maxEntries: schemasKnown });

  async function problemOf(schema: string, owner: TaskOwner): Promise<Failure | undefined> {
    // A key that has used up its time on the thread gets no check, so the upstream is not asked.
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
    const closed = new AbortController();
    const owner: TaskOwner = { keyId: call.keyId, signal: closed.signal };
    const schema = schemaTextOf(call.request.responseFormat);
    return openCheckedStream(
      {
        check: createAnswerCheck(call.request, call.prefix ?? '', thread, owner),
        problem: schema === undefined ? undefined : () => problemOf(schema, owner),
        open: openerOf(upstream, call, signal),
        signOfLifeMs: call.stallMs === undefined ? undefined : maxHoldMs(call.stallMs),
        onClosed: () => closed.abort(),
      },
      signal,
    );
  }

  return {
    ...upstream,
    refuses: (request, model) => refusalOf(request) ?? upstream.refuses?.(request, model),
    open: (call, signal) =>
      call.request.responseFormat.type === 'text' ? upstream.open(call, signal) : openChecked(call, signal),
  };
}

/** A function of its own, so that the other functions of a checked call do not hold the request with its messages. */
function openerOf(upstream: Upstream, call: UpstreamCall, signal: AbortSignal): () => EventStream {
  return () => upstream.open(call, signal);
}

/** Refusals by request: `refuses` is called for every target of a model, with the same schema. */
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
