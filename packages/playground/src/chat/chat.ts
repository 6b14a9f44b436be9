import type { Connection } from '../api/connection.ts';
import type { PageFailure } from '../api/failure.ts';
import { createSignal, type Watched } from '../signals/signal.ts';
import { type AnswerFacts, openAnswer } from './answer.ts';
import type { Output } from './answer-output.ts';
import { type Behind, type ChatState, type Draft, emptyDraft, type LiveCompletion } from './chat-state.ts';
import {
  branchOf,
  changed,
  type Message,
  showing,
  withMessage,
  without,
  withoutBranch,
} from './message-tree.ts';
import { noParameters, type ParameterName } from './parameters.ts';
import { type RequestBody, requestBody } from './request-body.ts';
import { faultOfDraft } from './request-fields.ts';
import { askedFormat, textFormat } from './response-format.ts';
import { endCompletion, type RunParts, resumeCompletion, runCompletion } from './run-completion.ts';
import { mockResults, withoutAnswer, withResults } from './tool-results.ts';
import { createWireLog } from './wire-log.ts';

export interface ChatParts {
  connection(): Connection;
  now(): number;
  /** Calls the work before the next frame is drawn. */
  nextFrame(work: () => void): void;
  wait(ms: number): Promise<void>;
  newId(): string;
  /** Called when something has changed that a reload should find. */
  keep(): void;
}

/** One chat without its look: what it knows, and what can be done. One answer of it runs at a time. */
export interface Chat extends Watched<ChatState> {
  readonly id: string;
  set(change: Partial<Pick<Draft, 'model' | 'system' | 'tools' | 'format' | 'stream'>>): void;
  setParameter(name: ParameterName, text: string): void;
  /** Sets all parameters to what holds without them, and the form of the answer to text. */
  resetParameters(): void;
  /**
   * Asks for an answer to this text, or to the chat as it is where the text is empty. `through`: fields that take the place of those of
   * the chat, for this request only.
   */
  send(text: string, through?: RequestBody): void;
  /** Gives the results of the last answer's calls, by their ids, and asks for the answer to them. */
  giveResults(results: ReadonlyMap<string, string>): void;
  /** Ends the answer that comes; what has come stays. */
  stop(): void;
  /** Breaks the connection that the answer comes through, and leaves the answer: it is picked up by another one. */
  cutConnection(): void;
  /**
   * Asks again for this answer, or for that to the last message of the user; the answer before stays in a branch of its own. The
   * model is that of the chat, or another one for this answer only; so are the fields of `through`.
   */
  regenerate(again?: {
    readonly answerId?: string | undefined;
    readonly model?: string | undefined;
    readonly through?: RequestBody | undefined;
  }): void;
  /** Asks for the rest of the last answer: the request ends with what has come of it. */
  continueAnswer(): void;
  /** Changes what was said. To send it begins another branch, so that the one before stays. */
  edit(messageId: string, text: string, andSend: boolean): void;
  /** Takes a message out; what follows it stays, or goes with it. */
  remove(messageId: string, what?: 'alone' | 'with all that follows'): void;
  /** Shows the branch that leads through this message. */
  show(messageId: string): void;
  /** Follows an answer that an earlier load of the page has begun. */
  resume(live: LiveCompletion): void;
  /** The answer that runs, as a later load of the page can follow it. */
  live(): LiveCompletion | undefined;
}

interface Running {
  readonly abort: AbortController;
  /** Breaks its connection. */
  connection?: AbortController;
  readonly messageId: string;
  live: LiveCompletion | undefined;
}

export function createChat(parts: ChatParts, id: string, draft: Partial<Draft>): Chat {
  const signal = createSignal<ChatState>({ ...emptyDraft, ...draft, running: false, wireVersion: 0 });
  const state = signal.get;
  let running: Running | undefined;

  function change(next: Partial<ChatState>): void {
    signal.set({ ...state(), ...next });
  }

  function changeMessage(messageId: string, next: Partial<Message>, more: Partial<ChatState> = {}): void {
    change({ ...more, tree: changed(state().tree, messageId, next) });
  }

  /** Runs one answer into the message with this id, which is there already. */
  async function run(
    messageId: string,
    begin: (runParts: RunParts) => Promise<PageFailure | undefined>,
    resumed: LiveCompletion | undefined,
    behind: Behind | undefined,
  ): Promise<void> {
    const abort = new AbortController();
    const mine: Running = { abort, messageId, live: resumed };
    running = mine;
    const old = state().tree.all.find(({ id: one }) => one === messageId);
    const textBefore = old?.text.slice(0, behind?.text ?? 0) ?? '';
    const thoughtsBefore = old?.thoughts.slice(0, behind?.thoughts ?? 0) ?? '';
    const come = (): Output => {
      const output = answer.output();
      const calls = output.calls ?? (behind === undefined ? undefined : old?.calls);
      return { text: textBefore + output.text, thoughts: thoughtsBefore + output.thoughts, calls };
    };
    const sentMs = parts.now();
    const answer = openAnswer(resumed === undefined ? sentMs : undefined);
    const wire = createWireLog(sentMs);
    let drawing = false;
    const draw = (): void => {
      drawing = false;
      if (running !== mine) return;
      const waiting = answer.isEmpty();
      changeMessage(
        messageId,
        {
          ...(waiting && resumed !== undefined ? {} : come()),
          facts: answer.facts(waiting ? 'waiting' : 'streaming'),
        },
        { wireVersion: state().wireVersion + 1 },
      );
    };
    changeMessage(
      messageId,
      { facts: answer.facts('waiting') },
      { running: true, failure: undefined, wire, wireVersion: 0 },
    );
    parts.keep();
    let failure: PageFailure | undefined;
    let stopped = false;
    try {
      failure = await begin({
        connection: parts.connection(),
        answer,
        wire,
        signal: abort.signal,
        nextConnection() {
          mine.connection = new AbortController();
          return mine.connection.signal;
        },
        now: parts.now,
        wait: parts.wait,
        onBegin(completionId, streamPath) {
          mine.live = { completionId, messageId, streamPath, behind };
          parts.keep();
        },
        onMore() {
          if (drawing) return;
          drawing = true;
          parts.nextFrame(draw);
        },
      });
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      stopped = true;
    } finally {
      if (running === mine) running = undefined;
    }
    const ended = { running: running !== undefined, failure, wireVersion: state().wireVersion + 1 };
    const isEmpty = answer.isEmpty() && !answer.isWhole();
    if (isEmpty && behind !== undefined && resumed === undefined) {
      // Nothing came behind it: the answer is as it was.
      changeMessage(messageId, { facts: old?.facts }, ended);
    } else if (isEmpty && resumed === undefined) {
      // An answer of which nothing came is no turn of the chat.
      change({ ...ended, tree: without(state().tree, messageId) });
    } else {
      const facts = answer.facts(stopped ? 'stopped' : failure === undefined ? 'done' : 'failed');
      changeMessage(messageId, { ...(isEmpty ? {} : come()), facts }, ended);
      for (const output of answer.others()) addChoice(messageId, output, facts);
      const results = stopped || failure !== undefined ? undefined : mockResults(state().tools, state().tree);
      if (results !== undefined && state().tree.leafId === messageId) giveResults(results);
    }
    parts.keep();
  }

  /** Each further choice of an answer stands beside it, as if it had been asked for again. */
  function addChoice(messageId: string, output: Output, { state: ended, model }: AnswerFacts): void {
    const { tree } = state();
    const first = tree.all.find(({ id }) => id === messageId);
    if (first === undefined) return;
    const facts: AnswerFacts = { state: ended, pieces: 0, model };
    const choice: Message = { ...first, ...output, calls: output.calls, id: parts.newId(), facts };
    change({ tree: { ...tree, all: [...tree.all, choice] } });
  }

  function giveResults(results: ReadonlyMap<string, string>): void {
    if (running !== undefined) return;
    const tree = withResults(state().tree, results, parts.newId);
    if (tree.leafId !== null) ask(tree.leafId, { tree });
  }

  /** Asks for the answer that follows this message; null: to nothing but the system prompt. */
  function ask(parentId: string | null, more: Partial<Draft> = {}, through: RequestBody = {}): void {
    const tree = { ...(more.tree ?? state().tree), leafId: parentId };
    const draft = { ...state(), ...more, tree };
    const fault = faultOfDraft(draft);
    if (fault !== undefined) {
      change({ tree, failure: fault });
      parts.keep();
      return;
    }
    const body = { ...requestBody(draft), ...through };
    const format = askedFormat(draft.format);
    const answer: Message = {
      id: parts.newId(),
      parentId,
      role: 'assistant',
      text: '',
      thoughts: '',
      format,
    };
    change({ tree: withMessage(tree, answer) });
    void run(answer.id, (runParts) => runCompletion(runParts, body), undefined, undefined);
  }

  /** Puts a message of the user behind this one, and asks for the answer. */
  function say(text: string, parentId: string | null, through?: RequestBody): void {
    const said: Message = { id: parts.newId(), parentId, role: 'user', text, thoughts: '' };
    ask(said.id, { tree: withMessage(state().tree, said) }, through);
  }

  return {
    id,
    state,
    subscribe: signal.subscribe,
    set: change,
    setParameter(name, text) {
      change({ parameters: { ...state().parameters, [name]: text } });
    },
    resetParameters: () =>
      change({ parameters: noParameters, format: { ...state().format, kind: textFormat.kind } }),
    giveResults,
    send(text, through) {
      if (running !== undefined) return;
      const last = branchOf(state().tree).at(-1);
      if (text !== '') say(text, last?.id ?? null, through);
      else if (last !== undefined && last.role !== 'assistant') ask(last.id, {}, through);
    },
    stop() {
      const stopping = running;
      if (stopping === undefined) return;
      stopping.abort.abort();
      // A kept stream goes on without its reader; this ends it.
      if (stopping.live !== undefined) void endCompletion(parts.connection(), stopping.live);
    },
    regenerate({ answerId, model = state().model, through } = {}) {
      if (running !== undefined) return;
      const branch = branchOf(state().tree);
      const answer = branch.find((one) => one.id === answerId);
      const last = branch.findLast(({ role }) => role !== 'assistant');
      if (answer !== undefined) ask(answer.parentId, { model }, through);
      else if (last !== undefined) ask(last.id, { model }, through);
    },
    continueAnswer() {
      const last = branchOf(state().tree).at(-1);
      if (running !== undefined || last?.role !== 'assistant') return;
      // The rest of one answer: further choices would begin in its middle.
      const draft = { ...state(), parameters: { ...state().parameters, n: '' } };
      const fault = faultOfDraft(draft);
      if (fault !== undefined) return change({ failure: fault });
      const body = { ...requestBody(draft), continue_final_message: true };
      const behind: Behind = { text: last.text.length, thoughts: last.thoughts.length };
      void run(last.id, (runParts) => runCompletion(runParts, body), undefined, behind);
    },
    cutConnection() {
      // Only what has an id can be picked up.
      if (running?.live !== undefined) running.connection?.abort();
    },
    edit(messageId, text, andSend) {
      const message = state().tree.all.find((one) => one.id === messageId);
      if (running !== undefined || message === undefined) return;
      if (andSend) return say(text, message.parentId);
      // What is written by hand has no figures.
      changeMessage(messageId, { text, thoughts: '', facts: undefined });
      parts.keep();
    },
    remove(messageId, what = 'alone') {
      if (running !== undefined) return;
      const take = what === 'alone' ? withoutAnswer : withoutBranch;
      change({ tree: take(state().tree, messageId), failure: undefined });
      parts.keep();
    },
    show(messageId) {
      if (running !== undefined) return;
      change({ tree: showing(state().tree, messageId), failure: undefined });
      parts.keep();
    },
    resume(live) {
      if (running !== undefined || !state().tree.all.some((one) => one.id === live.messageId)) return;
      void run(live.messageId, (runParts) => resumeCompletion(runParts, live), live, live.behind);
    },
    live: () => running?.live,
  };
}
