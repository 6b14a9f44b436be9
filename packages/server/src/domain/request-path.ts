import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { nestedRequestFields, requestFields } from './request-fields.ts';

const maxPathLength = 256;
const step = /(?:^|(?<=.)\.)([A-Za-z_$][\w$-]{0,63})|(?:\.(\d{1,5})(?=[.[]|$)|\[(\d{1,5})\])/y;

/** A field that goes to an upstream under another name than the caller's. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'max_completion_tokens'],
  ['max_completion_tokens', 'max_tokens'],
  ['random_seed', 'seed'],
]);

/** What adapters set in every request: a complaint about them is none of a caller who has not sent them. */
const setByAdapters: ReadonlySet<string> = new Set(['stream', 'stream_options']);

/**
 * The path that an upstream names, as the caller's own request has it: `messages[2].content` for `messages.2.content`
 * and for vLLM's `body.messages[2].content`. Undefined where the request has no such place: then it may be any text,
 * a key or a prompt. Only its last name may be missing in the request, where the protocol knows that name.
 */
export function pathInRequest(path: string, request: JsonObject): string | undefined {
  if (path.length > maxPathLength) return undefined;
  const own = path.startsWith('body.') && !Object.hasOwn(request, 'body') ? path.slice(5) : path;
  let place: JsonValue | undefined = request;
  let told = '';
  step.lastIndex = 0;
  while (step.lastIndex < own.length) {
    const [, name, digits, index = digits] = step.exec(own) ?? [];
    if (name === undefined && index === undefined) return undefined;
    // Behind a field that the request does not have there is nothing.
    if (place === undefined) return undefined;
    if (Array.isArray(place) && index !== undefined) {
      if (Number(index) >= place.length) return undefined;
      place = place[Number(index)];
      told += `[${Number(index)}]`;
      continue;
    }
    const wanted = name ?? digits;
    if (wanted === undefined || !isObject(place)) return undefined;
    const key: string = place === request ? callersName(wanted, request) : wanted;
    const known = place === request ? requestFields : nestedRequestFields;
    if (Object.hasOwn(place, key)) place = place[key];
    else if (known.has(key) && !(place === request && setByAdapters.has(key))) place = undefined;
    else return undefined;
    told += told === '' ? key : `.${key}`;
  }
  return told === '' ? undefined : told;
}

function callersName(name: string, request: JsonObject): string {
  const other = otherNames.get(name);
  const isOther = other !== undefined && !Object.hasOwn(request, name) && Object.hasOwn(request, other);
  return isOther ? other : name;
}
