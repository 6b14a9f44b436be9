/**
 * A format of strings as a pattern in the subset that is enforced for `pattern`: all texts of the format, or the
 * ordinary ones.
 */
export interface Format {
  /** Absent: the format asserts nothing about the text. */
  readonly pattern?: string;
  /**
   * Patterns that libraries write beside this format. All texts of our pattern match them, so they are not compiled.
   */
  readonly implies?: readonly string[];
  /**
   * For a `maxLength`: a pattern of the format whose texts are not longer than `max`, so the automaton need not count
   * the length. Undefined where `max` is too small for a useful pattern; then the length is counted.
   */
  readonly within?: (max: number) => string | undefined;
  /** The length of the shortest text of `within`. Where `minLength` is greater, the length is counted. */
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
 * pydantic's HttpUrl has a `maxLength` of 2,083, zod's the one of its author. Counting each length in each state of the
 * automaton would take 100,000 states.
 */
function uriWithin(max: number): string | undefined {
  if (max < 80) return undefined;
  // A host has up to 39 characters; with scheme and port 59, with the fragment 84.
  const host = '[A-Za-z0-9]([.-]?[A-Za-z0-9]){0,19}(:[0-9]{1,5})?';
  const long = max >= 276;
  const character = long ? `(${uriCharacter}|\\?)` : "[A-Za-z0-9._~!$&'()*+,;=:@/?-]";
  const tail = `${character}{0,${long ? 64 : Math.min(128, max - 59)}}`;
  const fragment = long ? "(#[A-Za-z0-9._~!$&'()*+,;=:@/?-]{0,24})?" : '';
  return `[A-Za-z][A-Za-z0-9+.-]{0,9}:(//${host}([/?]${tail})?|[A-Za-z0-9]${tail})${fragment}`;
}
const mailCharacter = '[A-Za-z0-9_+-]';
/** At most 47 characters before the @, then three labels of 21 characters and a top level of ten. */
const shortEmail = `${mailCharacter}(\\.?${mailCharacter}){0,23}@([A-Za-z0-9](-?[A-Za-z0-9]){0,10}\\.){1,3}[A-Za-z]{2,10}`;
const mailLabel = '[A-Za-z0-9]+(-+[A-Za-z0-9]+)*';
const dateParts = '([0-9]{1,4}Y([0-9]{1,4}M)?([0-9]{1,4}D)?|[0-9]{1,4}M([0-9]{1,4}D)?|[0-9]{1,4}D)';
const timeParts = 'T([0-9]{1,4}H([0-9]{1,4}M)?([0-9]{1,4}S)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-9]{1,4}S)';

/** JSON inside a string, to a depth of `levels`: unlimited nesting is not regular, and tools expect small objects. */
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

/** `::` stands for one or more groups of zeros, once in an address: `left` groups before it, the others behind it. */
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

/** Formats that zod writes beside a `pattern` which says the same. Without a pattern they are refused. */
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

/** OpenAPI's formats of numbers. */
export const numberFormats: Readonly<Record<string, { readonly min?: number; readonly max?: number }>> = {
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  int64: {},
  float: {},
  double: {},
};
