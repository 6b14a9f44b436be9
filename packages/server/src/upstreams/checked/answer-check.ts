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
/** The longest answer that is checked, in escaped characters over all choices: more than any context holds. */
const maxAnswerLength = 16 * 1024 * 1024;
/** An answer up to this length needs a few milliseconds, so it is checked on the event loop and not by the thread. */
const maxCheckedOnLoop = 256 * 1024;

/** Checks the answer of one request against its `response_format`. */
export interface AnswerCheck {
  /** Adds an event to the answer. Returns true for a finish whose choice must be judged first. */
  add(event: StreamEvent): boolean;
  /** The failure where the choice with this finish is not in the requested format. Never rejects. */
  judge(finish: FinishEvent): Promise<Failure | undefined>;
}

/**
 * Creates the check of one answer. `prefix`: the beginning of the answer, from another target. `owner`: the key whose
 * share of the thread's time the check uses, and the signal that drops a waiting task.
 */
export function createAnswerCheck(
  { n, responseFormat }: Pick<ChatRequest, 'n' | 'responseFormat'>,
  prefix: string,
  thread: ValidationThread,
  owner: TaskOwner,
): AnswerCheck {
  const schema = schemaTextOf(responseFormat);
  const choices = Array.from({ length: n }, () => ({
    text: startingWith(prefix),
    /** True where the choice has a call or a refusal: the format does not apply to it. */
    exempt: false,
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
          choice.exempt = true;
          return false;
        case 'finish':
          // Other reasons (out of tokens, a filter) already report that the answer is not whole.
          return event.reason === 'stop' && !choice.exempt;
        default:
          return false;
      }
    },
    async judge(finish) {
      const choice = choices[finish.choice];
      if (choice === undefined) return undefined;
      if (length > maxAnswerLength) return unreadable('it is too long to be checked');
      const answer = choice.text.take();
      if (schema === undefined && answer.length <= maxCheckedOnLoop) {
        return isJson(answer) ? undefined : notJson();
      }
      const task = { answer, ...(schema === undefined ? {} : { schema }), keyId: owner.keyId };
      return failureOf(await thread.run(task, owner));
    },
  };
}

/** Whether the answer is JSON. It is not parsed: 256 KiB of small objects would take 0.1 s and 10 MB. */
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

/**
 * The JSON text of each schema, by the object of its format. All attempts of a request share this object, so a schema of up to
 * 256 KiB is written once.
 */
const schemaTexts = new WeakMap<ResponseFormat, string>();

/** The JSON of the schema of a format; undefined for a format without a schema. */
export function schemaTextOf(format: ResponseFormat): string | undefined {
  if (format.type !== 'json_schema') return undefined;
  const text = schemaTexts.get(format) ?? JSON.stringify(format.schema ?? {});
  schemaTexts.set(format, text);
  return text;
}

/** The failure for a schema that cannot be enforced. */
export function schemaRefusal({ at, why }: SchemaProblem): Failure {
  const param = pathOf(schemaPath, at);
  return failure('invalid_value', `'${param}' ${why}. Answers could not be held to this schema.`, { param });
}

const tooMany =
  'Too many answers of this key wait to be checked against their schemas. Try again in a moment.';

const checkFailures: TaskFailures = {
  // The schema is slow, so the answer of another target would take as long.
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

/** The failure for the outcome of a check; undefined where the answer and its schema are valid. */
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

/** The failure of an answer that is not JSON. It is blameless: the model is at fault, not the health of the target. */
function notJson(): Failure {
  const message = "The upstream's answer is not the JSON that response_format asks for.";
  return failure('upstream_protocol', message, { detail: 'the answer is not JSON', blameless: true });
}

function undecided(why: string): Failure {
  return unreadable('it could not be checked against the schema', why);
}

/** `wording`: the error that the check threw; it may quote the answer. */
function unreadable(why: string, wording?: string): Failure {
  return failure('upstream_protocol', `The upstream's answer was given up: ${why}.`, {
    detail: why,
    ...(wording === undefined ? {} : { wording }),
    blameless: true,
  });
}
