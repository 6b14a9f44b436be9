import { createHash } from 'node:crypto';
import type { ChatRequest } from '../../domain/chat-request.ts';
import type { Failure } from '../../domain/failure.ts';
import { createKeyCache } from '../../domain/key-cache.ts';
import { schemaProblem } from '../../json-schema/schema-problem.ts';
import type { ValidationThread } from '../../json-schema/validation-thread.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import { type EventStream, ownWaitMs, type Upstream, type UpstreamCall } from '../contract.ts';
import { createAnswerCheck, failureOf, schemaRefusal, schemaTextOf } from './answer-check.ts';
import { openCheckedStream } from './checked-stream.ts';

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
    const schema = schemaTextOf(call.request.responseFormat);
    return openCheckedStream(
      {
        check: createAnswerCheck(call.request, call.prefix ?? '', thread, owner),
        problem: schema === undefined ? undefined : () => problemOf(schema, owner),
        open: () => upstream.open(call, signal),
        signOfLifeMs: call.patienceMs === undefined ? undefined : ownWaitMs(call),
        onLeft: () => left.abort(),
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
