import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from './plan.ts';
import type { AskOptions, Probe, ProbeTools } from './probes/probe.ts';
import { answerOf, type JsonObject, objectsIn } from './reading/body.ts';
import { redirected } from './redirected.ts';
import { askedWaitMs, type RefusedFields, refusedField } from './sent-again.ts';
import { createConnection } from './wire/connection.ts';
import type { Endpoint } from './wire/endpoint.ts';
import type { Exchange, Recording, WireRequest } from './wire/exchange.ts';
import type { Room } from './wire/response-reader.ts';

/** Of all answers together. Those of a sound endpoint are some hundred kilobytes, with its list of models. */
const maxKeptBytes = 32 * 1024 * 1024;

export interface RunOptions {
  readonly endpoint: Endpoint;
  /** Absent: the first of the endpoint's list. */
  readonly model?: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  readonly key?: string | undefined;
  /** Sent with every request; they may be secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** For one exchange. */
  readonly timeoutMs: number;
  /** Probes at a time; some are always alone. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Called as each probe begins. */
  readonly onProbe?: ((probe: Probe) => void) | undefined;
}

export type RunResult =
  | { readonly ok: true; readonly recording: Recording; readonly model: string }
  /** The endpoint cannot be reached, or no model is known. */
  | { readonly ok: false; readonly problem: string };

/** Sends what the probes ask and records the answers. */
export async function runProbes(
  { probes, again }: Pick<Plan, 'probes' | 'again'>,
  options: RunOptions,
): Promise<RunResult> {
  const recording = new Map<string, Exchange>();
  const recorder = createRecorder(recording, again, options);
  const first = probes.filter(({ name }) => name === 'models' || name === 'plain');
  for (const probe of first) {
    options.onProbe?.(probe);
    await probe.run(recorder.tools);
    const elsewhere = redirected([...recording.values()], options.endpoint);
    if (elsewhere !== undefined) return { ok: false, problem: elsewhere };
    const model = recorder.model();
    if (model === undefined)
      return { ok: false, problem: whyNoModel(recording.get('models'), options.key !== undefined) };
    const problem = unreachable(recording);
    if (problem !== undefined) return { ok: false, problem };
  }
  const rest = probes.filter((probe) => !first.includes(probe));
  const waiting = rest.filter(({ alone }) => alone !== true);
  async function worker(): Promise<void> {
    for (let probe = waiting.shift(); probe !== undefined; probe = waiting.shift()) {
      if (options.signal.aborted) return;
      options.onProbe?.(probe);
      await probe.run(recorder.tools);
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, worker));
  for (const probe of rest.filter(({ alone }) => alone === true)) {
    if (options.signal.aborted) break;
    options.onProbe?.(probe);
    await probe.run(recorder.tools);
  }
  // An address that there is not may lead anywhere.
  const known = [...recording.values()].filter(({ name }) => name !== 'unknown-url');
  const problem = redirected(known, options.endpoint) ?? unreachable(recording);
  if (problem !== undefined) return { ok: false, problem };
  return { ok: true, recording, model: recorder.model() ?? '' };
}

/** The endpoint has answered nothing at all. */
function unreachable(recording: Recording): string | undefined {
  const all = [...recording.values()];
  if (all.length === 0 || all.some(({ response }) => response !== undefined)) return undefined;
  return all[0]?.problem ?? 'the endpoint does not answer';
}

/** Why the list of models names none, and what to do about it. */
function whyNoModel(list: Exchange | undefined, hasKey: boolean): string {
  if (list?.response === undefined) return list?.problem ?? 'the endpoint does not answer';
  const { status } = list.response;
  const seen = `GET ${list.request.path}: status ${status}`;
  if (status === 401 || status === 403)
    return hasKey
      ? `the key is refused (${seen}): give the endpoint’s own with --key`
      : `a key is needed (${seen}): give it with --key`;
  return `no model is named (${seen}): give the base URL of an API, such as https://HOST/v1; where it has no list, name a model with --model`;
}

function createRecorder(recording: Map<string, Exchange>, mayAgain: number, options: RunOptions) {
  const { endpoint, timeoutMs, signal } = options;
  const secretHeaders = {
    ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    ...options.headers,
  };
  const refused: RefusedFields = { max_tokens: false, temperature: false };
  const room: Room = { bytes: maxKeptBytes };
  let left = mayAgain;

  function model(): string | undefined {
    if (options.model !== undefined) return options.model;
    const list = recording.get('models');
    const id = list === undefined ? undefined : objectsIn(answerOf(list)['data'])[0]?.['id'];
    return typeof id === 'string' ? id : undefined;
  }

  function adapt(fields: JsonObject): JsonObject {
    const { max_tokens: max, temperature, ...others } = fields;
    return {
      ...others,
      ...(max === undefined ? {} : { [refused.max_tokens ? 'max_completion_tokens' : 'max_tokens']: max }),
      ...(temperature === undefined || (refused.temperature && temperature === 0) ? {} : { temperature }),
    };
  }

  /** Keeps a refusal beside the answer that the same request gets later. It was sent and counts, and is judged as any other. */
  function keepBeside(recorded: Exchange, word: string): void {
    const taken = [...recording.keys()].filter((one) => one.startsWith(`${recorded.name}/${word}`)).length;
    const name = `${recorded.name}/${word}${taken === 0 ? '' : `-${taken + 1}`}`;
    recording.delete(recorded.name);
    recording.set(name, { ...recorded, name });
  }

  async function exchange(name: string, request: WireRequest, asked: AskOptions): Promise<Exchange> {
    const recorded = await exchangeOnce(name, request, asked);
    const waitMs = asked.waits === false ? undefined : askedWaitMs(recorded);
    if (waitMs === undefined || left <= 0 || signal.aborted) return recorded;
    left -= 1;
    keepBeside(recorded, 'waited');
    await wait(waitMs);
    return exchange(name, request, asked);
  }

  async function exchangeOnce(name: string, request: WireRequest, asked: AskOptions): Promise<Exchange> {
    const connection = createConnection(endpoint);
    const { leaveAfter, pauseAfter, onBody, afterwards } = asked;
    const common = { timeoutMs, signal, secretHeaders, room };
    const limits = {
      ...common,
      ...(leaveAfter === undefined ? {} : { leaveAfter }),
      ...(pauseAfter === undefined ? {} : { pauseAfter }),
      ...(onBody === undefined ? {} : { onBody }),
    };
    try {
      const recorded = await connection.exchange(name, request, limits);
      recording.set(name, recorded);
      if (afterwards !== undefined && connection.reusable) {
        const next: WireRequest = { method: 'GET', path: endpoint.basePath + afterwards, headers: {} };
        recording.set(`${name}/next`, await connection.exchange(`${name}/next`, next, common));
      }
      return recorded;
    } finally {
      connection.close();
    }
  }

  async function ask(name: string, fields: object | string, asked: AskOptions = {}): Promise<Exchange> {
    const body =
      typeof fields === 'string' ? fields : JSON.stringify({ model: model(), ...adapt({ ...fields }) });
    const request: WireRequest = {
      method: 'POST',
      path: `${endpoint.basePath}/chat/completions`,
      ...(asked.version === undefined ? {} : { version: asked.version }),
      headers: { 'content-type': 'application/json', ...asked.headers },
      body,
    };
    const recorded = await exchange(name, request, asked);
    const field = typeof fields === 'string' ? undefined : refusedField(recorded);
    if (field === undefined || left <= 0) return recorded;
    left -= 1;
    refused[field] = true;
    keepBeside(recorded, field);
    return ask(name, fields, asked);
  }

  const wait = (ms: number): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined);

  const tools: ProbeTools = {
    ask,
    send(name, { method, path, headers = {} }, asked = {}) {
      const place = path.startsWith('//') ? path.slice(1) : endpoint.basePath + path;
      return exchange(name, { method, path: place, headers }, asked);
    },
    earlier: (name) => recording.get(name),
    observe(name, observed) {
      const known = recording.get(name);
      if (known !== undefined) recording.set(name, { ...known, observed });
    },
    wait,
  };
  return { tools, model };
}
