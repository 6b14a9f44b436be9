import type { JoinedChoice, OtherOutput, StreamCheckOptions, StreamRule } from './stream-report.ts';
import {
  excerpt,
  hasOnly,
  isCount,
  isFilled,
  isObject,
  parseJson,
  type UnknownObject,
} from './stream-shapes.ts';
import type { FinishReason } from './wire-types.ts';

/** Checks the deltas of one choice, after its role chunk. */
export interface ChoiceChecker {
  readonly finished: boolean;
  accept(delta: UnknownObject, finishReason: string | null, hasLogprobs: boolean): void;
  joined(): JoinedChoice;
  /** Keepalive chunks among the deltas. */
  keepalives(): number;
}

const finishReasons = ['stop', 'length', 'tool_calls', 'content_filter'] as const satisfies FinishReason[];
const textFields = ['reasoning_content', 'content', 'refusal'] as const;
/** The fields of a delta that the protocol names. */
const namedFields: ReadonlySet<string> = new Set([...textFields, 'role', 'tool_calls', 'extra_content']);

export function createChoiceChecker(
  index: number,
  options: StreamCheckOptions,
  report: (rule: StreamRule, message: string) => void,
): ChoiceChecker {
  // The part of the stream before the first event of a resumed one is not known.
  const partial = (options.resumedFrom ?? 1) > 1;
  const text = { content: '', reasoning_content: '', refusal: '' };
  const others: OtherOutput[] = [];
  const calls: { id: string; name: string; arguments: string; startSeen: boolean }[] = [];
  let firstCallIndex: number | undefined;
  let finished = false;
  let finishReason: FinishReason | undefined;
  let keepalives = 0;

  function finish(delta: UnknownObject, reason: string): void {
    finished = true;
    finishReason = finishReasons.find((known) => known === reason);
    if (finishReason === undefined) report('finish-reason', `finish_reason is ${excerpt(reason)}`);
    if (Object.keys(delta).length > 0) {
      report('finish-delta', `the finish chunk has delta ${excerpt(delta)}`);
    }
    const called = calls.length > 0;
    if (called && reason === 'stop') report('tool-call-finish', 'finish_reason is "stop" after tool calls');
    if (!called && reason === 'tool_calls' && !partial) {
      report('tool-call-finish', 'finish_reason is "tool_calls" without a tool call');
    }
    if (reason === 'length') return;
    for (const call of calls) {
      if (call.startSeen && parseJson(call.arguments) === undefined) {
        report(
          'tool-call-arguments',
          `the arguments of ${excerpt(call.name)} are ${excerpt(call.arguments)}`,
        );
      }
    }
  }

  function toolCallPiece(piece: UnknownObject): void {
    const at = piece['index'];
    if (!isCount(at)) {
      report('tool-call-order', `a call without index: ${excerpt(piece)}`);
      return;
    }
    if (firstCallIndex === undefined) firstCallIndex = partial ? at : 0;
    const next = firstCallIndex + calls.length;
    const fn = isObject(piece['function']) ? piece['function'] : {};
    const args = typeof fn['arguments'] === 'string' ? fn['arguments'] : undefined;
    if (at === next) {
      const resumedInside = partial && calls.length === 0 && piece['id'] === undefined;
      if (!resumedInside && !isCallStart(piece, fn)) {
        report('tool-call-start', `the first delta of call ${at} is ${excerpt(piece)}`);
      }
      calls.push({
        id: typeof piece['id'] === 'string' ? piece['id'] : '',
        name: typeof fn['name'] === 'string' ? fn['name'] : '',
        arguments: args ?? '',
        startSeen: !resumedInside,
      });
      return;
    }
    const current = calls.at(-1);
    if (at !== next - 1 || current === undefined) {
      report(
        'tool-call-order',
        `call ${at} where ${calls.length === 0 ? 0 : `${next - 1} or ${next}`} may come`,
      );
      return;
    }
    if (
      !hasOnly(piece, ['index', 'function']) ||
      !hasOnly(fn, ['arguments']) ||
      args === undefined ||
      args === ''
    ) {
      report('tool-call-piece', `a later delta of call ${at} is ${excerpt(piece)}`);
    }
    if (args?.isWellFormed() === false) report('text-cut', `arguments is ${excerpt(args)}`);
    current.arguments += args ?? '';
  }

  return {
    get finished() {
      return finished;
    },
    accept(delta, reason, hasLogprobs) {
      if (finished) {
        report('after-finish', `choice ${index} continues after its finish: ${excerpt({ delta, reason })}`);
        return;
      }
      if (reason !== null) {
        finish(delta, reason);
        return;
      }
      if (options.keepaliveChunks === true && delta['content'] === '' && hasOnly(delta, ['content'])) {
        keepalives += 1;
        return;
      }
      const toolCalls = delta['tool_calls'];
      const texts = textFields.filter((name) => delta[name] !== undefined);
      const fields = Object.keys(delta).filter((name) => !namedFields.has(name));
      for (const field of fields) {
        const value = delta[field];
        if (carriesNothing(value)) report('delta-empty', `${field} is ${excerpt(value)}`);
        else others.push({ field, value });
      }
      if (texts.length === 0 && toolCalls === undefined && fields.length === 0) {
        report('delta-empty', `a delta without any of its fields: ${excerpt(delta)}`);
      }
      for (const name of texts) {
        const value = delta[name];
        // Two deltas may have an empty text: one with the logprobs of a token that is only a part of a character, and one
        // with what a provider wants back with the message, because the finish has no delta.
        const carries = hasLogprobs || delta['extra_content'] !== undefined;
        if (typeof value !== 'string' || (value === '' && !carries)) {
          report('delta-text', `${name} is ${excerpt(value)}`);
          continue;
        }
        if (!value.isWellFormed()) report('text-cut', `${name} is ${excerpt(value)}`);
        text[name] += value;
      }
      if (toolCalls === undefined) return;
      if (!Array.isArray(toolCalls) || toolCalls.length === 0 || !toolCalls.every(isObject)) {
        report('delta-empty', `tool_calls is ${excerpt(toolCalls)}`);
        return;
      }
      toolCalls.forEach(toolCallPiece);
    },
    joined() {
      return {
        index,
        content: text.content,
        reasoning: text.reasoning_content,
        refusal: text.refusal,
        toolCalls: calls.map(({ id, name, arguments: joined }) => ({ id, name, arguments: joined })),
        ...(others.length === 0 ? {} : { others }),
        ...(finishReason === undefined ? {} : { finishReason }),
      };
    },
    keepalives: () => keepalives,
  };
}

function carriesNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isCallStart(piece: UnknownObject, fn: UnknownObject): boolean {
  return (
    isFilled(piece['id']) &&
    piece['type'] === 'function' &&
    isFilled(fn['name']) &&
    fn['arguments'] === '' &&
    hasOnly(piece, ['index', 'id', 'type', 'function', 'extra_content']) &&
    hasOnly(fn, ['name', 'arguments'])
  );
}
