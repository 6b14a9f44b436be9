/** A number of zero or more, exactly as it was written: `units` / 10^`decimals`. */
export interface Decimal {
  readonly units: bigint;
  /** The fewest decimals that are possible: 0.50 has one. Never negative. */
  readonly decimals: number;
}

const form = /^\+?(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i;
/** No price has more characters; a bound keeps the work for one text small. */
const maxLength = 64;

/**
 * Reads `0.15`, `.5`, `1.5e-07` without a rounding. Undefined for every other text: one with a minus, `Infinity`, `0x10`, or
 * more than 64 characters.
 */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > maxLength) return undefined;
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = `${whole}${fraction}`.replace(/0+$/, '');
  if (digits === '') return { units: 0n, decimals: 0 };
  const dropped = whole.length + fraction.length - digits.length;
  const decimals = fraction.length - dropped - Number(exponent);
  if (decimals >= 0) return { units: BigInt(digits), decimals };
  return { units: BigInt(digits) * 10n ** BigInt(-decimals), decimals: 0 };
}

/** The number in plain digits: `0.15`. {@link parseDecimal} reads it as the same number. */
export function formatDecimal({ units, decimals }: Decimal): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  if (decimals === 0) return digits;
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The number of units of 10^-`scale` that it has; undefined where it has more decimals than that. */
export function atScale({ units, decimals }: Decimal, scale: number): bigint | undefined {
  return decimals > scale ? undefined : units * 10n ** BigInt(scale - decimals);
}

/** The number times 10^`power`. */
export function shifted({ units, decimals }: Decimal, power: number): Decimal {
  const moved = decimals - power;
  return moved >= 0 ? { units, decimals: moved } : { units: units * 10n ** BigInt(-moved), decimals: 0 };
}
