import { type JsonText, jsonText } from '@tailrace/protocol';
import { assertNever } from '../../domain/assert-never.ts';
import type { ChatRequest, ResponseFormat } from '../../domain/chat-request.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { createJsonValidator } from '../../domain/json-validator.ts';
import type { FinishEvent, StreamEvent } from '../../domain/stream-event.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { pathOf, type SchemaProblem } from '../../json-schema/schema-problem.ts';
import type { ValidationFinding, ValidationThread } from '../../json-schema/validation-thread.ts';
import type { TaskOwner, ThreadOutcome } from '../../worker/killable-thread.ts';
import { resultOf, type TaskFailures } from '../../worker/task-result.ts';

const schemaPath = 'response_format.json_schema.schema';
/** More than any context holds; escaped characters of an answer, over all of its choices. */
const maxAnswerLength = 16 * 1024 * 1024;
/** Read through in a few milliseconds, which is not worth a thread. */
const maxReadHere = 256 * 1024;

/** Holds the answer of one request to what its `response_format` says. */
export interface AnswerCheck {
  /** Adds an event to the answer. True for a finish whose answer has to be judged first. */
  add(event: StreamEvent): boolean;
  /** Whether the answer that this finish ends is what was asked for. Never rejects. */
  judge(finish: FinishEvent): Promise<Failure | undefined>;
}

/** `prefix`: the beginning of the answer, which another target said. `owner`: whose thread time it is. */
export function createAnswerCheck(
  { n, responseFormat }: Pick<ChatRequest, 'n' | 'responseFormat'>,
  prefix: string,
  thread: ValidationThread,
  owner: TaskOwner,
): AnswerCheck {
  const schema = schemaTextOf(responseFormat);
  const choices = Array.from({ length: n }, () => ({
    text: startingWith(prefix),
    /** Calls and refusals are not the answer that the format is about. */
    otherwise: false,
  }));
  let length = choices.reduce((sum, { text }) => sum + text.length, 0);

  return {
    add(event) {
      const choice = 'choice' in event ? choices[event.choice] : undefined;
      if (choice === undefined) return false;
      switch (event.type) {
        case 'text-delta':
          length += event.json.length;
          if (length <= maxAnswerLength) choice.text.add(event.json);
          else choice.text.clear();
          return false;
        case 'tool-call-start':
        case 'refusal-delta':
          choice.otherwise = true;
          return false;
        case 'finish':
          // What ran out of tokens, or was cut by a filter, says so itself.
          return event.reason === 'stop' && !choice.otherwise;
        default:
          return false;
      }
    },
    async judge(finish) {
      const choice = choices[finish.choice];
      if (choice === undefined) return undefined;
      if (length > maxAnswerLength) return unreadable('it is too long to be checked');
      const answer = choice.text.take();
      if (schema === undefined && answer.length <= maxReadHere) {
        return isJson(answer) ? undefined : notJson();
      }
      const task = { answer, ...(schema === undefined ? {} : { schema }), keyId: owner.keyId };
      return failureOf(await thread.run(task, owner));
    },
  };
}

/** Read and never parsed: 256 KiB of small objects would take 0.1 s and 10 MB. */
function isJson(answer: JsonText): boolean {
  const scanner = createJsonValidator();
  scanner.pushEscaped(answer);
  return scanner.whole;
}

function startingWith(prefix: string): TextPieces<JsonText> {
  const pieces = createTextPieces<JsonText>();
  pieces.add(jsonText(prefix));
  return pieces;
}

/** By format: it is the same object for every attempt of a request, and the schema may be 256 KiB. */
const schemaTexts = new WeakMap<ResponseFormat, string>();

export function schemaTextOf(format: ResponseFormat): string | undefined {
  if (format.type !== 'json_schema') return undefined;
  const text = schemaTexts.get(format) ?? JSON.stringify(format.schema ?? {});
  schemaTexts.set(format, text);
  return text;
}

export function schemaRefusal({ at, why }: SchemaProblem): Failure {
  const param = pathOf(schemaPath, at);
  return failure('invalid_value', `'${param}' ${why}. Answers could not be held to this schema.`, { param });
}

const tooMany =
  'Too many answers of this key wait to be checked against their schemas. Try again in a moment.';

const checkFailures: TaskFailures = {
  // Every target's answer would take as long: the schema is slow.
  late: () =>
    failure(
      'deadline_exceeded',
      `The answer could not be checked against '${schemaPath}' in time. Simplify its patterns and alternatives.`,
      { param: schemaPath, detail: 'the check of an answer against its schema was given up' },
    ),
  died: undecided,
  full: tooMany,
  unserved: tooMany,
  spent: (seconds) =>
    `The schemas of this key took too much time lately. Try again in ${seconds} s, ` +
    `or use simpler patterns and alternatives in '${schemaPath}'.`,
  slowField: schemaPath,
  dropped: 'The request was given up before its answer was checked.',
  closed: 'The server is shutting down.',
};

/** What a check means for the client; undefined where the answer and its schema are right. */
export function failureOf(outcome: ThreadOutcome<ValidationFinding>): Failure | undefined {
  const result = resultOf(outcome, checkFailures);
  return result.ok ? failureOfFinding(result.value) : result.failure;
}

function failureOfFinding(finding: ValidationFinding): Failure | undefined {
  switch (finding.type) {
    case 'right':
      return undefined;
    case 'schema':
      return schemaRefusal(finding.problem);
    case 'not-json':
      return notJson();
    case 'breach': {
      const { pointer, why, keyword } = finding.breach;
      const place = pointer === '' ? 'it' : `'${pointer.slice(0, 200)}'`;
      return failure(
        'upstream_protocol',
        `The upstream's answer is not valid against the schema of response_format: ${place} ${why.slice(0, 300)}.`,
        { detail: `the answer breaks '${keyword}' of its schema`, blameless: true },
      );
    }
    case 'undecided':
      return undecided(finding.why);
    default:
      return assertNever(finding);
  }
}

/** It says nothing against the target's health: the model wrote it. */
function notJson(): Failure {
  const message = "The upstream's answer is not the JSON that response_format asks for.";
  return failure('upstream_protocol', message, { detail: 'the answer is not JSON', blameless: true });
}

function undecided(why: string): Failure {
  return unreadable('it could not be checked against the schema', why);
}

/** `wording`: what the check threw; it may quote the answer. */
function unreadable(why: string, wording?: string): Failure {
  return failure('upstream_protocol', `The upstream's answer was given up: ${why}.`, {
    detail: why,
    ...(wording === undefined ? {} : { wording }),
    blameless: true,
  });
}
