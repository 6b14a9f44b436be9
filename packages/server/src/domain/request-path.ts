import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { nestedRequestFields, requestFields } from './request-fields.ts';

const maxPathLength = 256;
const step = /(?:^|(?<=.)\.)([A-Za-z_$][\w$-]{0,63})|(?:\.(\d{1,5})(?=[.[]|$)|\[(\d{1,5})\])/y;

/** Fields that an upstream may get under another name than the caller's: the upstream's name, then the caller's. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'max_completion_tokens'],
  ['max_completion_tokens', 'max_tokens'],
  ['random_seed', 'seed'],
]);

/** Fields that adapters set in every request: a caller who has not sent them must not get a failure about them. */
const setByAdapters: ReadonlySet<string> = new Set(['stream', 'stream_options']);

/**
 * Translates the path in an upstream's error into one of the caller's request: `messages[2].content` for
 * `messages.2.content` and for vLLM's `body.messages[2].content`. Undefined where the request has no such path: such a path
 * may be any text of the upstream, for example a key or a prompt. Only the last name of the path may be missing in the
 * request, if it is a name of the protocol.
 */
export function pathInRequest(path: string, request: JsonObject): string | undefined {
  if (path.length > maxPathLength) return undefined;
  const own = path.startsWith('body.') && !Object.hasOwn(request, 'body') ? path.slice(5) : path;
  let place: JsonValue | undefined = request;
  let found = '';
  step.lastIndex = 0;
  while (step.lastIndex < own.length) {
    const [, name, digits, index = digits] = step.exec(own) ?? [];
    if (name === undefined && index === undefined) return undefined;
    // A field that the request does not have has no members.
    if (place === undefined) return undefined;
    if (Array.isArray(place) && index !== undefined) {
      if (Number(index) >= place.length) return undefined;
      place = place[Number(index)];
      found += `[${Number(index)}]`;
      continue;
    }
    const wanted = name ?? digits;
    if (wanted === undefined || !isObject(place)) return undefined;
    const key: string = place === request ? callersName(wanted, request) : wanted;
    const known = place === request ? requestFields : nestedRequestFields;
    if (Object.hasOwn(place, key)) place = place[key];
    else if (known.has(key) && !(place === request && setByAdapters.has(key))) place = undefined;
    else return undefined;
    found += found === '' ? key : `.${key}`;
  }
  return found === '' ? undefined : found;
}

function callersName(name: string, request: JsonObject): string {
  const other = otherNames.get(name);
  const isOther = other !== undefined && !Object.hasOwn(request, name) && Object.hasOwn(request, other);
  return isOther ? other : name;
}
