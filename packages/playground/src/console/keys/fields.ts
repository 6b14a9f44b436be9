import { isObject, parsed } from '../../api/json.ts';
import { limitOf } from './budget.ts';
import type { Key, Limited, Owner } from './key.ts';

/** What is typed for a key or an owner, by the names of the API. An empty text: the field is not set. */
export interface Texts {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  /** With commas or spaces between them. */
  readonly models: string;
  readonly requests_per_minute: string;
  readonly tokens_per_minute: string;
  readonly max_streams: string;
  /** The amount; what it counts, and for how long, are beside it. */
  readonly budget: string;
  readonly budget_unit: string;
  readonly budget_period: string;
  /** `2026-12-31T18:00`, a time of this browser's zone. */
  readonly expires_at: string;
  readonly usage_chunk: string;
  /** JSON. */
  readonly metadata: string;
}
export type TextName = keyof Texts;

export const emptyTexts: Texts = {
  ...{ id: '', name: '', owner: '', models: '', requests_per_minute: '', tokens_per_minute: '' },
  ...{ max_streams: '', budget: '', budget_unit: 'usd', budget_period: 'month', expires_at: '' },
  ...{ usage_chunk: '', metadata: '' },
};

export function textsOfKey(key: Key): Texts {
  return {
    ...textsOfLimits(key),
    owner: key.owner,
    expires_at: key.expires_at === null ? '' : localText(Date.parse(key.expires_at)),
    usage_chunk: key.usage_chunk ?? '',
  };
}

export function textsOfOwner(owner: Owner): Texts {
  return textsOfLimits(owner);
}

function textsOfLimits(limited: Limited): Texts {
  const text = (value: number | string | null): string => (value === null ? '' : String(value));
  const budget = limited.budget === null ? undefined : limitOf(limited.budget);
  return {
    ...emptyTexts,
    id: limited.id,
    name: text(limited.name),
    models: limited.models?.join(', ') ?? '',
    requests_per_minute: text(limited.requests_per_minute),
    tokens_per_minute: text(limited.tokens_per_minute),
    max_streams: text(limited.max_streams),
    ...(budget === undefined
      ? {}
      : { budget: String(budget.limit), budget_unit: budget.unit, budget_period: budget.period }),
    metadata: Object.keys(limited.metadata).length === 0 ? '' : JSON.stringify(limited.metadata, null, 2),
  };
}

/** The fields of a new key. */
export function newKeyBody(texts: Texts): object {
  return withoutNulls(keyValues(texts));
}

/** The fields of a new owner. */
export function newOwnerBody(texts: Texts): object {
  return withoutNulls(limitValues(texts));
}

/** The fields of a key that are not what they were; null removes one. */
export function keyChanges(before: Texts, now: Texts): object {
  return changed(keyValues(before), keyValues(now));
}

export function ownerChanges(before: Texts, now: Texts): object {
  return changed(limitValues(before), limitValues(now));
}

type Values = Readonly<Record<string, unknown>>;

function keyValues(texts: Texts): Values {
  return {
    ...limitValues(texts),
    owner: textOrNull(texts.owner),
    expires_at: texts.expires_at === '' ? null : rfc3339(texts.expires_at),
    usage_chunk: textOrNull(texts.usage_chunk),
  };
}

/** A text that the page cannot read is sent as it is: the server says what is wrong with it, and at which field. */
function limitValues(texts: Texts): Values {
  const budget = numberIn(texts.budget);
  const models = modelsIn(texts.models);
  const metadata = texts.metadata.trim();
  return {
    name: textOrNull(texts.name),
    models: models.length === 0 ? null : models,
    requests_per_minute: numberIn(texts.requests_per_minute),
    tokens_per_minute: numberIn(texts.tokens_per_minute),
    max_streams: numberIn(texts.max_streams),
    budget: budget === null ? null : { [texts.budget_unit]: budget, period: texts.budget_period },
    metadata: metadata === '' ? null : (parsed(metadata) ?? metadata),
  };
}

function withoutNulls(values: Values): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function changed(before: Values, now: Values): object {
  const isChanged = ([name, value]: [string, unknown]): boolean =>
    JSON.stringify(value) !== JSON.stringify(before[name]);
  return Object.fromEntries(Object.entries(now).filter(isChanged));
}

function textOrNull(text: string): string | null {
  return text.trim() === '' ? null : text.trim();
}

function numberIn(text: string): number | string | null {
  const typed = text.trim();
  if (typed === '') return null;
  const value = Number(typed);
  return Number.isFinite(value) ? value : typed;
}

/** The names and patterns in a text. */
export function modelsIn(text: string): string[] {
  return text.split(/[\s,]+/).filter((name) => name !== '');
}

/** The text with this name, or without it where it has it. */
export function withModelToggled(text: string, name: string): string {
  const models = modelsIn(text);
  return (models.includes(name) ? models.filter((one) => one !== name) : [...models, name]).join(', ');
}

/** Those of the names and patterns that no model is called. */
export function unmatchedModels(text: string, served: readonly string[]): string[] {
  return modelsIn(text).filter((name) =>
    name.endsWith('*')
      ? !served.some((model) => model.startsWith(name.slice(0, -1)))
      : !served.includes(name),
  );
}

/** A local time as it is typed, `2026-12-31T18:00`. */
export function localText(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The same time as the API takes it; a text that is none stays as it is. */
export function rfc3339(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}

/** The field that a `param` of the server is about: `budget.period` and `models[1]` are in `budget` and `models`. */
export function fieldNamed(param: string | undefined): TextName | undefined {
  const [name = ''] = (param ?? '').split(/[.[]/);
  return name in emptyTexts ? (name as TextName) : undefined;
}

/** An id for an owner of this name: `Acme GmbH` → `acme-gmbh`. */
export function ownerIdFor(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

/** The key in an answer that shows it once; null where an earlier answer has shown it, and was lost. */
export function shownKeyIn(body: unknown): string | null {
  return isObject(body) && typeof body['key'] === 'string' ? body['key'] : null;
}
