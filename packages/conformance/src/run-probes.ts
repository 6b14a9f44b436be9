import { setTimeout as delay } from 'node:timers/promises';
import type { AskOptions, Probe, ProbeTools } from './probes/probe.ts';
import { answerOf, askedFields, type JsonObject, objectAt, objectsIn } from './reading/body.ts';
import { createConnection } from './wire/connection.ts';
import type { Endpoint } from './wire/endpoint.ts';
import type { Exchange, Recording, WireRequest } from './wire/exchange.ts';

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
export async function runProbes(probes: readonly Probe[], options: RunOptions): Promise<RunResult> {
  const recording = new Map<string, Exchange>();
  const recorder = createRecorder(recording, options);
  const first = probes.filter(({ name }) => name === 'models' || name === 'plain');
  for (const probe of first) {
    options.onProbe?.(probe);
    await probe.run(recorder.tools);
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
  const problem = unreachable(recording);
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

function createRecorder(recording: Map<string, Exchange>, options: RunOptions) {
  const { endpoint, timeoutMs, signal } = options;
  const secretHeaders = {
    ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    ...options.headers,
  };
  /** Fields that the endpoint's model does not take, and what takes their place: reasoning models of OpenAI refuse two. */
  const adapted = { maxTokens: false, temperature: false };

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
      ...(max === undefined ? {} : { [adapted.maxTokens ? 'max_completion_tokens' : 'max_tokens']: max }),
      ...(temperature === undefined || (adapted.temperature && temperature === 0) ? {} : { temperature }),
    };
  }

  async function exchange(name: string, request: WireRequest, asked: AskOptions): Promise<Exchange> {
    const connection = createConnection(endpoint);
    const { leaveAfter, pauseAfter, onBody, afterwards } = asked;
    const limits = {
      timeoutMs,
      signal,
      secretHeaders,
      ...(leaveAfter === undefined ? {} : { leaveAfter }),
      ...(pauseAfter === undefined ? {} : { pauseAfter }),
      ...(onBody === undefined ? {} : { onBody }),
    };
    try {
      const recorded = await connection.exchange(name, request, limits);
      recording.set(name, recorded);
      if (afterwards !== undefined && connection.reusable) {
        const next: WireRequest = { method: 'GET', path: endpoint.basePath + afterwards, headers: {} };
        const nextLimits = { timeoutMs, signal, secretHeaders };
        recording.set(`${name}/next`, await connection.exchange(`${name}/next`, next, nextLimits));
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
    if (name !== 'plain' || typeof fields === 'string' || !learn(recorded)) return recorded;
    // It was sent and counts, and a refusal is judged as any other.
    recording.set(`plain/${'max_tokens' in askedFields(recorded) ? 'max_tokens' : 'temperature'}`, recorded);
    return ask(name, fields, asked);
  }

  /** Whether a refusal of the first request names a field that the next ones can leave out. */
  function learn(recorded: Exchange): boolean {
    if (recorded.response?.status !== 400) return false;
    const { param } = objectAt(answerOf(recorded), 'error');
    const sent = askedFields(recorded);
    if (param === 'max_tokens' && 'max_tokens' in sent) adapted.maxTokens = true;
    else if (param === 'temperature' && 'temperature' in sent) adapted.temperature = true;
    else return false;
    return true;
  }

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
    wait: (ms) => delay(ms, undefined, { signal }).catch(() => undefined),
  };
  return { tools, model };
}
