const form = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:[Zz]|([+-]\d\d:\d\d))$/;

/** Reads an RFC 3339 time, `2026-11-28T09:00:00Z`, as Unix milliseconds; undefined for any other text. */
export function parseRfc3339(text: string): number | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, day = '', time = '', offset = 'Z'] = match;
  if (!isRealDay(day)) return undefined;
  const ms = Date.parse(`${day}T${time}${offset}`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whether a date, `2026-11-28`, is in the calendar: `Date.parse` takes the 31st of February for the 3rd of March. */
export function isRealDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
