import { parseExactly } from '../domain/exact-json.ts';
import { isObject, type JsonObject } from '../domain/json.ts';
import { decodeEntry } from './catalogue-entry.ts';
import type { ListedPrice, Unlisted } from './config.ts';
import { expected, showText } from './config-problem.ts';
import { uncountedCosts } from './uncounted-costs.ts';

/*
 * LiteLLM's public catalogue, `model_prices_and_context_window.json`: an object of models, of which each has its costs in
 * dollars for one token. Numbers are taken by their spelling (`1.5e-07`), so that none is rounded. An entry may be only
 * another name of one (`alias_of`).
 */

export interface PricesCatalogue {
  /** The price of the first of these names that has one for tokens or requests; else what was found instead. */
  find(names: readonly string[]): { readonly listed: ListedPrice } | { readonly unlisted: Unlisted };
  /** What is wrong with entries that were found, in a sentence each. */
  readonly problems: readonly string[];
}

/** A catalogue out of its JSON text, or why the text is none. */
export function readPricesCatalogue(text: string): PricesCatalogue | string {
  let value: unknown;
  try {
    value = parseExactly(text);
  } catch (error) {
    // Without the words of the parser: they quote the file, which may be another one than the operator meant.
    const place = /\(line \d+ column \d+\)/.exec(String(error))?.[0];
    return `it is not JSON${place === undefined ? '' : ` ${place}`}`;
  }
  if (!isObject(value)) return 'it is no catalogue of prices: expected an object of models';
  return new Catalogue(value);
}

/** An entry as far as it was needed. */
interface Entry {
  readonly name: string;
  readonly value: JsonObject;
  /** Absent where it has no cost of tokens or requests. */
  readonly listed?: ListedPrice;
}

class Catalogue implements PricesCatalogue {
  readonly problems: string[] = [];
  readonly #entries: JsonObject;
  /** By name, each entry that was asked for: undefined where there is none. */
  readonly #read = new Map<string, Entry | undefined>();

  constructor(entries: JsonObject) {
    this.#entries = entries;
  }

  find(names: readonly string[]) {
    let without: Entry | undefined;
    for (const name of names) {
      const entry = this.#entry(name);
      if (entry?.listed !== undefined) return { listed: entry.listed };
      without ??= entry;
    }
    const tried = [...new Set(names)];
    if (without === undefined) return { unlisted: { tried } };
    return { unlisted: { tried, entry: without.name, uncounted: uncountedCosts(without.value) } };
  }

  #entry(name: string): Entry | undefined {
    if (!this.#read.has(name)) this.#read.set(name, this.#decode(name));
    return this.#read.get(name);
  }

  #decode(asked: string): Entry | undefined {
    const name = this.#nameBehind(asked);
    // The catalogue explains its fields in an entry of that name.
    if (name === undefined || name === 'sample_spec' || !Object.hasOwn(this.#entries, name)) return undefined;
    const value = this.#entries[name];
    if (!isObject(value)) {
      this.#report(name, '', value, 'an object');
      return undefined;
    }
    const price = decodeEntry(value, (field, wrong, what) => this.#report(name, field, wrong, what));
    if (price === undefined) return { name, value };
    return { name, value, listed: { entry: name, price, uncounted: uncountedCosts(value) } };
  }

  /** The name of the entry that has the costs: `alias_of` names it. Undefined where that leads nowhere. */
  #nameBehind(asked: string): string | undefined {
    const seen = new Set<string>();
    for (let name = asked; ; ) {
      const entry = Object.hasOwn(this.#entries, name) ? this.#entries[name] : undefined;
      const next = isObject(entry) && Object.hasOwn(entry, 'alias_of') ? entry['alias_of'] : undefined;
      if (next === undefined || next === null) return name;
      seen.add(name);
      if (typeof next !== 'string' || !Object.hasOwn(this.#entries, next) || seen.has(next)) {
        this.#report(name, 'alias_of', next, 'the name of another entry');
        return undefined;
      }
      name = next;
    }
  }

  #report(name: string, field: string, value: unknown, what: string): void {
    const where = `entry "${showText(name)}"${field === '' ? '' : `: ${showText(field)}`}`;
    const problem = `${where}: ${expected(what, value, []).inFile}`;
    if (!this.problems.includes(problem)) this.problems.push(problem);
  }
}
