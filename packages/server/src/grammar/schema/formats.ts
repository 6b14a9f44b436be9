/**
 * A format as a pattern in the subset that `pattern` has too: the whole format or the ordinary part of it.
 */
export interface Format {
  /** Absent: the format asserts nothing about the text. */
  readonly pattern?: string;
  /** Patterns that libraries write beside this format and that hold for all we write: they need no automaton. */
  readonly implies?: readonly string[];
  /**
   * Where a `maxLength` is given: a pattern whose texts are of the format and none longer, so that no length has to
   * be counted along. Undefined where `max` is too short for one worth having: then it is counted.
   */
  readonly within?: (max: number) => string | undefined;
  /** Characters of the shortest text, beside `within`: a greater `minLength` is counted. */
  readonly shortest?: number;
  readonly note: string;
}

const month31 = '(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])';
const month30 = '(0[469]|11)-(0[1-9]|[12][0-9]|30)';
const february = '02-(0[1-9]|1[0-9]|2[0-8])';
const leapYear = '([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)';
const date = `([0-9]{4}-(${month31}|${month30}|${february})|${leapYear}-02-29)`;
const time = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])';
const byte = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const ipv4 = `(${byte}\\.){3}${byte}`;
const group = '[0-9a-fA-F]{1,4}';
// Six labels of 32 stay under the 253 characters of a name.
const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?';
const hostname = `(${label}\\.){0,5}${label}`;
const plainHost = '[A-Za-z0-9]+([.-][A-Za-z0-9]+)*';
const uriCharacter = "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})";
const uriTail = `(\\?(${uriCharacter}|\\?)*)?(#(${uriCharacter}|\\?)*)?`;
/**
 * pydantic's HttpUrl asks for at most 2,083 characters, zod's for whatever one writes: each state of the automaton
 * times each length would be 100,000 states.
 */
function uriWithin(max: number): string | undefined {
  if (max < 80) return undefined;
  // 39 characters of host; with scheme and port 59, with the fragment 84.
  const host = '[A-Za-z0-9]([.-]?[A-Za-z0-9]){0,19}(:[0-9]{1,5})?';
  const long = max >= 276;
  const character = long ? `(${uriCharacter}|\\?)` : "[A-Za-z0-9._~!$&'()*+,;=:@/?-]";
  const tail = `${character}{0,${long ? 64 : Math.min(128, max - 59)}}`;
  const fragment = long ? "(#[A-Za-z0-9._~!$&'()*+,;=:@/?-]{0,24})?" : '';
  return `[A-Za-z][A-Za-z0-9+.-]{0,9}:(//${host}([/?]${tail})?|[A-Za-z0-9]${tail})${fragment}`;
}
const mailCharacter = '[A-Za-z0-9_+-]';
/** 47 characters before the @, three labels of 21, ten of the top level. */
const shortEmail = `${mailCharacter}(\\.?${mailCharacter}){0,23}@([A-Za-z0-9](-?[A-Za-z0-9]){0,10}\\.){1,3}[A-Za-z]{2,10}`;
const mailLabel = '[A-Za-z0-9]+(-+[A-Za-z0-9]+)*';
const dateParts = '([0-9]{1,4}Y([0-9]{1,4}M)?([0-9]{1,4}D)?|[0-9]{1,4}M([0-9]{1,4}D)?|[0-9]{1,4}D)';
const timeParts = 'T([0-9]{1,4}H([0-9]{1,4}M)?([0-9]{1,4}S)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-9]{1,4}S)';

/** JSON inside a string: what nests without end is no regular language, and tools that ask for it mean small objects. */
function nestedJson(levels: number): string {
  const word = '"[^"\\\\\\x00-\\x1f]*"';
  const plain = `${word}|-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,15})?|true|false|null`;
  let value = `(${plain})`;
  for (let level = 0; level < levels; level += 1) {
    const member = `${word}:${value}`;
    value = `(${plain}|\\{(${member}(,${member})*)?\\}|\\[(${value}(,${value})*)?\\])`;
  }
  return value;
}

/** `::` in an IPv6 address stands for one group of zeros or more, once: `left` groups before it, the rest after. */
function ipv6(): string {
  const full = `(${group}:){7}${group}`;
  const shortened = Array.from({ length: 8 }, (_, left) => {
    const before = left === 0 ? '' : `(${group}:){${left - 1}}${group}`;
    const after = 7 - left;
    return after === 0 ? `${before}::` : `${before}::((${group}:){0,${after - 1}}${group})?`;
  });
  return `(${[full, ...shortened].join('|')})`;
}

export const formats: Readonly<Record<string, Format>> = {
  date: { pattern: date, note: 'real days only, 29 February in leap years only' },
  time: {
    pattern: time,
    note: 'with a zone (`Z` or `+hh:mm`), up to nine digits of a second, no leap seconds',
  },
  'date-time': { pattern: `${date}T${time}`, note: 'a date, `T`, a time' },
  duration: {
    pattern: `P([0-9]{1,4}W|${dateParts}(${timeParts})?|${timeParts})`,
    implies: [
      '^P(?:(\\d+W)|(?!.*W)(?=\\d|T\\d)(\\d+Y)?(\\d+M)?(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?(\\d+([.,]\\d+)?S)?)?)$',
    ],
    note: 'ISO 8601 with whole numbers',
  },
  uuid: { pattern: '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', note: 'any version' },
  email: {
    pattern: `[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@(${mailLabel}\\.)+[A-Za-z]{2,}`,
    // zod's of 2026 and of 2025.
    implies: [
      "^(?:[A-Za-z0-9_'+\\-]+\\.)*[A-Za-z0-9_'+\\-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
      "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
    ],
    within: (max) => (max >= 124 ? shortEmail : undefined),
    shortest: 6,
    note: 'ordinary addresses: letters, digits, `. _ + -`, and a domain with a top level',
  },
  hostname: {
    pattern: hostname,
    // zod's.
    implies: [
      '^(?=.{1,253}\\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[-0-9a-zA-Z]{0,61}[0-9a-zA-Z])?)*\\.?$',
    ],
    within: (max) => (max >= 197 ? hostname : undefined),
    shortest: 1,
    note: 'up to six labels of up to 32 characters',
  },
  ipv4: { pattern: ipv4, note: 'four decimal numbers' },
  ipv6: { pattern: ipv6(), note: 'full and shortened with `::`, without an embedded IPv4 address' },
  uri: {
    pattern: `([A-Za-z][A-Za-z0-9+.-]*:(//${plainHost}(:[0-9]{1,5})?(/${uriCharacter}*)?|[A-Za-z0-9]${uriCharacter}*)${uriTail})`,
    within: uriWithin,
    shortest: 3,
    note: 'absolute: a scheme, then a host or a path of plain characters',
  },
  json: { pattern: nestedJson(2), note: 'JSON of at most two levels, in its shortest spelling' },
  binary: { note: 'asserts nothing' },
  byte: { note: 'asserts nothing' },
  password: { note: 'asserts nothing' },
  path: { note: 'asserts nothing (whether a file exists is not for a grammar)' },
  'file-path': { note: 'asserts nothing' },
  'directory-path': { note: 'asserts nothing' },
};

/** Names that zod gives to a `pattern` beside them: the pattern says it all, and without one they are refused. */
export const patternNames: ReadonlySet<string> = new Set([
  'base64',
  'base64url',
  'cidrv4',
  'cidrv6',
  'cuid',
  'cuid2',
  'e164',
  'ends_with',
  'hex',
  'includes',
  'ksuid',
  'lowercase',
  'mac',
  'nanoid',
  'regex',
  'starts_with',
  'ulid',
  'uppercase',
  'xid',
  ...['md5', 'sha1', 'sha256', 'sha384', 'sha512'].flatMap((hash) =>
    ['hex', 'base64', 'base64url'].map((spelling) => `${hash}_${spelling}`),
  ),
]);

/** Formats of numbers, as OpenAPI has them. */
export const numberFormats: Readonly<Record<string, { readonly min?: number; readonly max?: number }>> = {
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  int64: {},
  float: {},
  double: {},
};
