import { assertNever } from '../../domain/assert-never.ts';
import type { Cause } from '../../domain/cause.ts';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import {
  createKillableThread,
  type KillableThread,
  type TaskOwner,
  type ThreadOutcome,
} from '../../worker/killable-thread.ts';
import { startWorker } from '../../worker/start-worker.ts';
import { resultOf, type TaskFailures } from '../../worker/task-result.ts';
import type { ChatTemplate, TemplateMessage } from './chat-template.ts';
import type { TemplateTool } from './generic-tools.ts';
import type { TemplateAnswer, TemplateSource, TemplateTask } from './template-work.ts';

/** The thread for the chat templates of all models. */
export interface TemplateThread {
  /**
   * Opens the template of a model file, or ChatML where the file has no valid template. Fails with one line, which
   * names
   * `file`, where opening takes longer than `openMs` or too much memory.
   */
  open(file: string, template: OpenedSource): Promise<Result<ChatTemplate>>;
  close(): Promise<void>;
}

export type OpenedSource = Omit<TemplateSource, 'source'> & { readonly source: string | undefined };

export interface TemplateThreadOptions {
  /** For opening a template, which is compiled and renders some ten short chats. Default: 10,000. */
  readonly openMs?: number;
  /** For rendering one prompt; 10,000 messages take some 300. Default: 5,000. */
  readonly renderMs?: number;
  /** Memory of the thread. Default: 512 MiB. */
  readonly heapMiB?: number;
}

/** The thread never ends for want of tasks: its start would delay a first token. */
const neverIdleMs = 2 ** 31 - 1;
/** The owner of the engine's own tasks at its start. */
const ownWork: TaskOwner = { keyId: '', signal: new AbortController().signal };

export function createTemplateThread(options: TemplateThreadOptions = {}): TemplateThread {
  const { openMs = 10_000, renderMs = 5_000, heapMiB = 512 } = options;
  const thread = createKillableThread<TemplateTask, TemplateAnswer>({
    start: () => startWorker(import.meta.url, 'template-worker', { maxOldGenerationSizeMb: heapMiB }),
    taskMs: renderMs,
    idleMs: neverIdleMs,
  });

  return {
    async open(file, template) {
      const outcome = await thread.run({ type: 'open', template }, ownWork, openMs);
      if (outcome.type !== 'done' || outcome.answer.type !== 'opened') {
        return fail(unopened(file, outcome, heapMiB));
      }
      const { facts } = outcome.answer;
      return ok({ ...facts, render: renderOf(thread, { ...template, source: facts.source }) });
    },
    close: thread.close,
  };
}

function renderOf(
  thread: KillableThread<TemplateTask, TemplateAnswer>,
  template: TemplateSource,
): ChatTemplate['render'] {
  return async (messages: readonly TemplateMessage[], tools: readonly TemplateTool[], owner) => {
    const outcome = await thread.run({ type: 'render', template, messages, tools }, owner);
    const result = resultOf(outcome, renderFailures);
    return result.ok ? textOf(result.value) : result;
  };
}

const noTime = 'The engine could not write this prompt in time. Try again in a moment.';
const givenUp = 'The request was given up before its prompt was written.';

const renderFailures: TaskFailures = {
  late: (limitMs) => tooMuch(`takes longer than ${limitMs / 1_000} s to write these messages as a prompt`),
  died: (why) => tooMuch('could not write these messages as a prompt', threadDied(why)),
  full: noTime,
  unserved: noTime,
  spent: () => noTime,
  dropped: givenUp,
  closed: givenUp,
};

/** The rendered text, or the failure of rendering it. */
export function textOf(answer: TemplateAnswer): Result<string> {
  switch (answer.type) {
    case 'rendered':
      return ok(answer.text);
    case 'too-long':
      return fail(tooMuch(`makes a prompt of ${answer.units} characters of these messages`));
    case 'refused':
    case 'opened': {
      const reason = answer.type === 'refused' ? answer.reason : 'no reason given';
      const message = `The model's chat template refuses these messages: ${reason}`;
      return fail(failure('invalid_value', message, { param: 'messages' }));
    }
    default:
      return assertNever(answer);
  }
}

/** `invalid_value`, because the template needs as much for these messages on every machine. */
function tooMuch(what: string, cause: Cause = {}): Failure {
  return failure('invalid_value', `The model's chat template ${what}. Send fewer or shorter messages.`, {
    param: 'messages',
    ...cause,
  });
}

/** Most often the thread had no memory left; the text of the runtime says so. */
function threadDied(why: string): Cause {
  return { detail: 'the thread for templates died', wording: why };
}

function unopened(file: string, outcome: ThreadOutcome<TemplateAnswer>, heapMiB: number): Failure {
  switch (outcome.type) {
    case 'late': {
      const seconds = outcome.limitMs / 1_000;
      return failure(
        'internal_error',
        `The chat template of ${file} does not end: a few short messages took it longer than ${seconds} s. Use another file of this model.`,
      );
    }
    case 'died':
      return failure(
        'internal_error',
        `The chat template of ${file} takes more than ${heapMiB} MiB of memory for a few short messages. Use another file of this model.`,
        threadDied(outcome.why),
      );
    default:
      return failure('internal_error', `The chat template of ${file} could not be tried.`, {
        detail: `the thread for templates: ${outcome.type}`,
      });
  }
}
