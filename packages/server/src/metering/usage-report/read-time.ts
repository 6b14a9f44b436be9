import { parseDuration } from '../../config/units.ts';
import { fail, ok, type Result } from '../../domain/failure.ts';
import { quoted, wrong } from '../../domain/query-parameters.ts';
import { isRealDay, parseRfc3339 } from '../../domain/rfc3339.ts';

const date = /^\d{4}-\d\d-\d\d$/;

/**
 * Reads a time as Unix milliseconds: RFC 3339, a date (its beginning in UTC), or a duration such as `7d`: that long before
 * `nowMs`. Fails with `invalid_value` at `name`.
 */
export function readTime(name: string, text: string, nowMs: number): Result<number> {
  const ago = parseDuration(text);
  const ms = ago === undefined ? calendarMs(text) : nowMs - ago;
  // Before 1970 and after 9999 there is no record, and a store may have no form for such a time.
  if (ms !== undefined && ms >= 0 && ms <= 253_402_300_799_999) return ok(ms);
  return fail(
    wrong(
      name,
      `is ${quoted(text)}; expected a date (2026-11-28), a time (2026-11-28T09:00:00Z) or a duration (7d, 24h)`,
    ),
  );
}

function calendarMs(text: string): number | undefined {
  if (date.test(text)) return isRealDay(text) ? Date.parse(`${text}T00:00:00Z`) : undefined;
  // In a query string `+` means a space, so the sign of an offset may have become one.
  return parseRfc3339(text.replace(/ (?=\d\d:\d\d$)/, '+'));
}
