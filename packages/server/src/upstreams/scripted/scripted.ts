/**
 * An upstream that answers from a script: for tests of all faults between a target and the relay, and for development without a
 * model. It makes events in this process, without a socket.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messagesAsSent } from '../../domain/chat-request.ts';
import { failure } from '../../domain/failure.ts';
import type { Upstream, UpstreamCall } from '../contract.ts';
import { loadScript } from './load-script.ts';
import { type Move, messageText, play } from './player.ts';
import type { Answer, Condition, Script } from './script.ts';
import { openScriptedStream, type ScriptClock } from './scripted-stream.ts';

/** A scripted upstream with a count for tests. */
export interface ScriptedUpstream extends Upstream {
  /** The number of streams that were pulled and are neither ended nor closed. */
  readonly active: number;
}

/** What a scripted upstream needs. */
export interface ScriptedUpstreamOptions {
  readonly name: string;
  /** The path of a YAML or JSON file, or the script itself. */
  readonly script: string | Script;
  /** Default: the system's timers. */
  readonly clock?: ScriptClock;
}

/** An upstream, or what is wrong with its configuration, one line each. */
export type CreatedUpstream<U extends Upstream> =
  | { readonly ok: true; readonly upstream: U }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Makes the upstream, or a line for each mistake in its script. */
export async function createScriptedUpstream(
  options: ScriptedUpstreamOptions,
): Promise<CreatedUpstream<ScriptedUpstream>> {
  const { name, clock = systemClock } = options;
  if (typeof options.script !== 'string') {
    return { ok: true, upstream: scriptedUpstream(name, options.script, clock) };
  }
  const loaded = await loadScript(options.script);
  if (!loaded.ok) return loaded;
  return { ok: true, upstream: scriptedUpstream(name, loaded.script, clock) };
}

function scriptedUpstream(name: string, script: Script, clock: ScriptClock): ScriptedUpstream {
  const timesGiven = new Map<Answer, number>();
  let active = 0;

  function pick(call: UpstreamCall): Answer | undefined {
    const answer = script.answers.find((candidate) => {
      const left = candidate.times === undefined || (timesGiven.get(candidate) ?? 0) < candidate.times;
      return left && fits(candidate.when, call);
    });
    if (answer !== undefined) timesGiven.set(answer, (timesGiven.get(answer) ?? 0) + 1);
    return answer;
  }

  /** Picks the answer at the call, not at the first pull: `times` counts calls. */
  function movesOf(call: UpstreamCall): Iterator<Move, void, undefined> {
    const answer = pick(call);
    if (answer !== undefined) return play(answer.steps, call.request, call.completionId);
    const reason = failure('upstream_refused', 'The scripted upstream has no answer to this request.', {
      detail: `no answer in the script of upstream ${name} fits model ${call.model}`,
    });
    const refusal: Move = { do: 'emit', batch: [{ type: 'failed', failure: reason }] };
    return [refusal].values();
  }

  return {
    name,
    firstTokenClock: script.firstTokenClock,
    capabilities: (model) => (script.models.get(model) ?? script.model).capabilities,
    contextLength: (model) => (script.models.get(model) ?? script.model).contextTokens,
    get active() {
      return active;
    },
    open: (call, signal) =>
      openScriptedStream(
        {
          // A call whose signal is already aborted does not use an answer of the script.
          moves: signal.aborted ? noMoves : movesOf(call),
          clock,
          onStart: () => {
            active += 1;
          },
          onEnd: () => {
            active -= 1;
          },
        },
        signal,
      ),
  };
}

const noMoves: Iterator<Move, void, undefined> = { next: () => ({ done: true, value: undefined }) };

function fits(when: Condition, { request, model }: UpstreamCall): boolean {
  const last = messagesAsSent(request).at(-1);
  const text = messageText(last);
  return (
    (when.models === undefined || when.models.includes(model)) &&
    (when.lastMessageContains === undefined || text.includes(when.lastMessageContains)) &&
    (when.lastMessageMatches === undefined || when.lastMessageMatches.test(text)) &&
    (when.lastRole === undefined || when.lastRole === last?.role) &&
    (when.turn === undefined || when.turn === request.messages.filter(({ role }) => role === 'user').length)
  );
}

const systemClock: ScriptClock = {
  // It rejects only at the abort.
  wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
};
