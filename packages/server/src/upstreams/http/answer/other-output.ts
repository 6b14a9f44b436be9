import { asciiOnly } from '@tailrace/protocol';
import { writeMember } from '../../../domain/exact-json.ts';
import type { Failure } from '../../../domain/failure.ts';
import { isBlank, type JsonObject, type JsonValue } from '../../../domain/json.ts';
import { pickMembers } from '../../../domain/spellings.ts';
import { contentParts, namedFields } from '../../../domain/stream-event.ts';
import type { ChoiceWriter } from '../../choice-writer.ts';
import { holdsHidden } from '../refusal/excerpt.ts';
import { jsonOf } from '../unknown-json.ts';
import type { AnswerBudget } from './answer-budget.ts';
import { unreadable } from './answer-failures.ts';

/**
 * Output that our stream does not name, before it becomes an `other-delta` (contract, section 3). A dialect that finds some
 * parses its event once more with `parseJsonExactly`, so that numbers keep their spelling: such events are rare, and the exact
 * parse of every event would slow down all others.
 */
export interface OtherField {
  readonly field: string;
  /** The JSON text of its value; undefined where it is nested too deep to be written. */
  readonly value: string | undefined;
}

/** A member of an object as a field of its own. */
export function otherField(holder: JsonObject, name: string): OtherField {
  try {
    return { field: name, value: asciiOnly(writeMember(holder, name)) };
  } catch {
    return { field: name, value: undefined };
  }
}

/** A content part that is neither text nor thought. */
export function otherPart(part: JsonValue): OtherField {
  return { field: contentParts, ...otherList(part) };
}

/** A list with one item as a field, such as one citation in `citations`. */
export function otherItem(field: string, item: JsonValue): OtherField {
  return { field, ...otherList(item) };
}

function otherList(item: JsonValue): Pick<OtherField, 'value'> {
  const json = jsonOf(item);
  return { value: json === undefined ? undefined : `[${asciiOnly(json)}]` };
}

/** The object without some of its members; undefined where no other member carries output. `type` alone carries none. */
export function withoutMembers(holder: JsonObject, names: ReadonlySet<string>): JsonObject | undefined {
  const kept = Object.keys(holder).filter((name) => !names.has(name));
  return kept.some((name) => name !== 'type' && !isBlank(holder[name]))
    ? pickMembers(holder, kept)
    : undefined;
}

/** Where a dialect writes other output, and by what it is checked. */
export interface OtherTarget {
  readonly writer: Pick<ChoiceWriter, 'other'>;
  readonly budget: AnswerBudget;
  /** The texts of the upstream's configuration that no client may see. */
  readonly hidden: readonly string[];
}

/**
 * Writes other output. Returns a failure and writes nothing where it cannot be forwarded: its name is one of our stream's own or
 * too long, its value cannot be written, or it repeats a secret of the configuration.
 */
export function writeOther(
  { field, value }: OtherField,
  { writer, budget, hidden }: OtherTarget,
): Failure | undefined {
  if (value === undefined || namedFields.has(field) || field === '__proto__') {
    return unreadable('a field that our stream does not name and cannot forward');
  }
  const tooMuch = budget.field(field);
  if (tooMuch !== undefined) return tooMuch;
  const secrets = secretsOf(hidden);
  if (holdsHidden(field, secrets) || repeatsSecret(value, secrets)) {
    return unreadable('a field that repeats a secret of the configuration');
  }
  writer.other(field, value);
  return undefined;
}

/** The mask reads some 20 characters a microsecond. Longer values are images and audio, searched for the plain texts only. */
const maxMasked = 16 * 1024;

function repeatsSecret(value: string, secrets: readonly string[]): boolean {
  return value.length <= maxMasked
    ? // In JSON a line end inside a secret is an escape (`\n`), and its letter would hide the secret.
      holdsHidden(value.replace(/\\[nrt]/g, '\n'), secrets)
    : secrets.some((secret) => value.includes(secret));
}

const shortestSecret = 8;
const secretLists = new WeakMap<readonly string[], readonly string[]>();

/**
 * The hidden texts that no answer holds by chance: keys, credentials and addresses have digits. A citation may name a public
 * host.
 */
function secretsOf(hidden: readonly string[]): readonly string[] {
  const known = secretLists.get(hidden);
  if (known !== undefined) return known;
  const secrets = hidden.filter((text) => text.length >= shortestSecret && /\d/.test(text));
  secretLists.set(hidden, secrets);
  return secrets;
}
