/** The counts of a body from which its memory is estimated. */
export interface BodyContents {
  readonly values: number;
  readonly fields: number;
  /** Bytes of its text as a string of V8: one a character, or two where one character of it needs two. */
  readonly textBytes: number;
}

/**
 * The most memory that a request takes from the parse of its body to its end: the value, how it was spelt
 * (`withSpellings`), the decoded request, and its text for an upstream that has not answered yet. All of it is in V8's heap,
 * except kept texts of two bytes a character.
 *
 * Measured on Node 24.21 as growth of the heap after a collection, without the texts: 64 bytes a value (200,000 empty
 * objects), 110 more a field (50,000 objects, each with one field and another name); with spellings 130 a value (99,000
 * arrays of one odd number) and 150 a field (50,000 unknown fields, each kept). A chat of ten messages and 10 kB took
 * 13 kB and counts as 26 kB.
 */
export function heldBytesOf({ values, fields, textBytes }: BodyContents, withSpellings: boolean): number {
  return withSpellings
    ? ofRequest + 3 * textBytes + 140 * values + 150 * fields
    : ofRequest + 2 * textBytes + 64 * values + 130 * fields;
}

/** The run, its source and its timers, without the answer. */
const ofRequest = 4_096;
