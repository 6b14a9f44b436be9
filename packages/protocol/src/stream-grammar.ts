/**
 * Checks a whole chat-completions stream against the wire contract.
 *
 *     comment* role+ (delta | comment)* finish(one a choice) [usage chunk] [DONE]     whole
 *     comment* role* (delta | comment)* finish(not of all)   error                    torn, and says so
 *
 * Every other stream breaks the contract, and each way to break it has the name of a rule. The checker runs over every
 * stream of every test, and over the streams of other servers: so it has no dependencies, and trusts no value.
 */
import { errorKind, isErrorCode } from './error-table.ts';
import { createSseDecoder, type SseItem } from './sse.ts';
import { type ChoiceChecker, createChoiceChecker } from './stream-choice.ts';
import { checkFraming, type Report } from './stream-framing.ts';
import type {
  StreamCheckOptions,
  StreamError,
  StreamReport,
  StreamRule,
  StreamSummary,
  StreamViolation,
} from './stream-report.ts';
import {
  excerpt,
  hasOnly,
  isAscii,
  isCount,
  isErrorBody,
  isFilled,
  isObject,
  isUsage,
  parseJson,
  readError,
  type UnknownObject,
} from './stream-shapes.ts';
import type { UsageWire } from './wire-types.ts';

export * from './stream-report.ts';

/** Checks one stream, item by item. */
export interface StreamChecker {
  accept(item: SseItem): void;
  /** The body has ended; returns the report. */
  end(): StreamReport;
}

/** Checks the bytes of one body, framing included. */
export function checkStream(body: Uint8Array | string, options: StreamCheckOptions = {}): StreamReport {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const violations = createViolations();
  const checker = createChecker(options, violations);
  checkFraming(bytes, options.resumedFrom !== undefined, violations.report);
  const { maxEventBytes } = options;
  const decoder = createSseDecoder(maxEventBytes === undefined ? {} : { maxEventBytes }, checker.accept);
  decoder.push(bytes);
  decoder.end();
  return checker.end();
}

/** Checks events that are decoded already. It cannot see what only the bytes show: CR, BOM, blank lines. */
export function createStreamChecker(options: StreamCheckOptions = {}): StreamChecker {
  return createChecker(options, createViolations());
}

const maxViolations = 100;

function createViolations() {
  const list: StreamViolation[] = [];
  const report: Report = (rule, message, eventNumber) => {
    const known = list.some((other) => other.rule === rule && other.eventNumber === eventNumber);
    if (!known && list.length < maxViolations) list.push({ rule, message, eventNumber });
  };
  return { report, sorted: () => list.toSorted((a, b) => a.eventNumber - b.eventNumber) };
}

function createChecker(
  options: StreamCheckOptions,
  violations: ReturnType<typeof createViolations>,
): StreamChecker {
  const usageForm = options.usage ?? 'inline';
  const resumed = (options.resumedFrom ?? 1) > 1;
  const choices = new Map<number, ChoiceChecker>();
  const head: { id?: string; model?: string; created?: number; system_fingerprint?: string } = {};
  /** Choices without a finish. A counter, because it is read for every chunk: so many choices take linear time. */
  let unfinished = 0;
  let rolesOver = false;
  let events = 0;
  let keepalives = 0;
  let ended: 'done' | 'error' | 'incomplete' | undefined;
  let usage: UsageWire | undefined;
  let usageSeen = false;
  let error: StreamError | undefined;

  function report(rule: StreamRule, message: string): void {
    violations.report(rule, message, events);
  }

  function allFinished(): boolean {
    const expected = options.choices ?? 1;
    return choices.size >= expected && unfinished === 0;
  }

  function open(index: number): ChoiceChecker {
    const choice = createChoiceChecker(index, options, report);
    choices.set(index, choice);
    unfinished += 1;
    return choice;
  }

  function roleChunk(index: number, delta: UnknownObject, finishReason: unknown): void {
    const exact =
      delta['role'] === 'assistant' && delta['content'] === '' && hasOnly(delta, ['role', 'content']);
    if (!exact || finishReason !== null) report('role-chunk', `the role chunk has delta ${excerpt(delta)}`);
    if (choices.has(index)) report('role-first', `a second role chunk for choice ${index}`);
    else if (rolesOver) report('role-first', `the role chunk of choice ${index} comes after a delta`);
    else if (index !== choices.size && !resumed) {
      report('role-first', `the role chunk of choice ${index} where ${choices.size} is due`);
    }
    if (!choices.has(index)) open(index);
  }

  function choiceEntry(entry: unknown): void {
    if (!isObject(entry)) {
      report('choice-fields', `a choice is ${excerpt(entry)}`);
      return;
    }
    const { index, delta, logprobs, finish_reason: finishReason } = entry;
    if (!isCount(index) || !isObject(delta)) {
      report('choice-fields', `a choice without index or delta: ${excerpt(entry)}`);
      return;
    }
    const finishes = typeof finishReason === 'string';
    if ((logprobs !== null && !isObject(logprobs)) || (finishReason !== null && !finishes)) {
      report('choice-fields', `logprobs is ${excerpt(logprobs)}, finish_reason is ${excerpt(finishReason)}`);
    }
    if (isObject(logprobs) && options.logprobs !== true)
      report('logprobs', 'logprobs that were not asked for');
    if (options.choices !== undefined && index >= options.choices) {
      report('choice-index', `choice ${index} of ${options.choices}`);
    }
    if (delta['role'] !== undefined) {
      roleChunk(index, delta, finishReason);
      return;
    }
    rolesOver = true;
    let choice = choices.get(index);
    if (choice === undefined) {
      if (!resumed) report('role-first', `choice ${index} has no role chunk`);
      choice = open(index);
    }
    const before = choice.finished;
    choice.accept(delta, finishes ? finishReason : null, isObject(logprobs));
    if (!before && choice.finished) unfinished -= 1;
  }

  function constants(chunk: UnknownObject): void {
    const { id, object, created, model, system_fingerprint: fingerprint } = chunk;
    const typed =
      isFilled(id) &&
      object === 'chat.completion.chunk' &&
      isCount(created) &&
      isFilled(model) &&
      typeof fingerprint === 'string';
    if (!typed) {
      report(
        'chunk-fields',
        `a chunk of ${excerpt({ id, object, created, model, system_fingerprint: fingerprint })}`,
      );
      return;
    }
    if (head.id === undefined) Object.assign(head, { id, created, model, system_fingerprint: fingerprint });
    if (
      head.id !== id ||
      head.created !== created ||
      head.model !== model ||
      head.system_fingerprint !== fingerprint
    ) {
      report('chunk-constant', `${excerpt({ id, created, model, fingerprint })} after ${excerpt(head)}`);
    }
  }

  function chunkUsage(chunk: UnknownObject, placeIsRight: boolean): void {
    const given = chunk['usage'];
    if (usageForm === 'separate' && !placeIsRight) {
      if (given === undefined) report('usage-null', 'usage is missing where it should be null');
      if (given === null || given === undefined) return;
    }
    if (given === undefined) return;
    if (!placeIsRight || usageSeen || usageForm === 'absent' || given === null) {
      report('usage-place', `usage where there should be none: ${excerpt(given)}`);
    }
    if (given === null) return;
    usageSeen = true;
    if (isUsage(given)) usage = given;
    else report('usage-fields', `usage is ${excerpt(given)}`);
  }

  function chunk(value: UnknownObject): void {
    constants(value);
    const entries = value['choices'];
    if (!Array.isArray(entries)) {
      report('chunk-fields', `choices is ${excerpt(entries)}`);
      return;
    }
    if (entries.length === 0) {
      const isUsageChunk = usageForm === 'separate' && isObject(value['usage']);
      if (!isUsageChunk) report('choices-empty', `choices is empty: ${excerpt(value)}`);
      else chunkUsage(value, allFinished());
      return;
    }
    const before = allFinished();
    for (const entry of entries) choiceEntry(entry);
    chunkUsage(value, usageForm === 'inline' && !before && allFinished());
  }

  function errorEvent(value: UnknownObject): void {
    ended = 'error';
    const body = value['error'];
    if (!hasOnly(value, ['error']) || !isErrorBody(body))
      report('error-fields', `an error event of ${excerpt(value)}`);
    error = readError(body);
    const { code, type } = isObject(body) ? body : {};
    if (!isErrorCode(code)) report('error-code', `code ${excerpt(code)} is not in the table`);
    else if (errorKind(code).type !== type) report('error-code', `${code} has type ${excerpt(type)}`);
    if (choices.size > 0 && allFinished()) report('error-after-finish', 'every choice had finished');
  }

  function done(): void {
    ended = 'done';
    if (!allFinished()) {
      const open = [...choices].filter(([, choice]) => !choice.finished).map(([index]) => index);
      report(
        'finish-missing',
        open.length > 0 ? `choices ${open.join(', ')} are open` : 'choices are missing',
      );
    } else if (!usageSeen && usageForm !== 'absent') report('usage-missing', 'no chunk carried usage');
  }

  function event(item: Extract<SseItem, { type: 'event' }>): void {
    events += 1;
    if (item.event !== 'message') report('framing-line', `an event named ${excerpt(item.event)}`);
    if (item.data.includes('\n')) report('framing-line', 'an event of several data lines');
    if (!isAscii(item.data)) report('framing-ascii', `not ASCII: ${excerpt(item.data)}`);
    const expectedId = options.resumedFrom === undefined ? '' : String(options.resumedFrom + events - 1);
    if (item.lastEventId !== expectedId) {
      report('event-id', `id ${excerpt(item.lastEventId)} where ${excerpt(expectedId)} is due`);
    }
    if (ended !== undefined) {
      report('after-end', `${excerpt(item.data)} after the end`);
      return;
    }
    if (item.data === '[DONE]') {
      done();
      return;
    }
    const value = parseJson(item.data);
    if (!isObject(value)) report('data-json', `not a JSON object: ${excerpt(item.data)}`);
    else if (value['error'] !== undefined) errorEvent(value);
    else chunk(value);
  }

  function accept(item: SseItem): void {
    switch (item.type) {
      case 'event':
        event(item);
        return;
      case 'comment':
        if (item.text !== ' keepalive') report('comment-text', `the comment ${excerpt(`:${item.text}`)}`);
        if (ended !== undefined) report('after-end', 'a comment after the end');
        keepalives += 1;
        return;
      case 'retry':
        report('framing-line', 'a retry line');
        return;
      case 'malformed':
        events += 1;
        report('framing-utf8', `not UTF-8: ${excerpt(item.data)}`);
        return;
      case 'too-large':
        events += 1;
        report('framing-too-large', `an event over ${item.maxEventBytes} bytes`);
        return;
      case 'incomplete':
        events += 1;
        ended ??= 'incomplete';
        report('framing-incomplete', `the body ends inside an event: ${excerpt(item.data)}`);
    }
  }

  function summary(): StreamSummary {
    const opened = [...choices.entries()].sort(([a], [b]) => a - b).map(([, choice]) => choice);
    return {
      ...(head.id === undefined ? {} : { id: head.id }),
      ...(head.model === undefined ? {} : { model: head.model }),
      choices: opened.map((choice) => choice.joined()),
      ...(usage === undefined ? {} : { usage }),
      ...(error === undefined ? {} : { error }),
      complete: ended === 'done' && allFinished(),
      events,
      keepalives: opened.reduce((sum, choice) => sum + choice.keepalives(), keepalives),
    };
  }

  return {
    accept,
    end() {
      if (ended === undefined)
        report('done-missing', 'the body ends without [DONE] and without an error event');
      return { violations: violations.sorted(), summary: summary() };
    },
  };
}
