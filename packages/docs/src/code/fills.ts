/*
 * What of the examples depends on who reads them. The pages have one way to write each (CONTRIBUTING.md); it is marked once, so that the
 * server puts its address into the marks, and the reader's browser the key and the model.
 */

/** The address that stands in every example. */
export const writtenBase = 'http://127.0.0.1:7245';

export type FillKind = 'base' | 'key' | 'model';

/** A stretch of a line that is filled in. */
export interface Fill {
  readonly kind: FillKind;
  readonly from: number;
  readonly to: number;
}

const forms: readonly (readonly [FillKind, RegExp])[] = [
  ['base', /(?<![\w.])http:\/\/127\.0\.0\.1:7245(?!\d)/dg],
  ['key', /\$TAILRACE_API_KEY(?!\w)/dg],
  // `"model": "default"` of JSON, `model="default"` of Python, `model: 'default'` of JavaScript; the value alone is marked.
  ['model', /(?<![\w-])["']?model["']?\s*[:=]\s*["'](?<filled>default)["']/dg],
];

/** What is filled in of a line, in its order. */
export function fillsOf(line: string): readonly Fill[] {
  return forms
    .flatMap(([kind, form]) =>
      Array.from(line.matchAll(form), ({ indices }) => {
        const [from, to] = indices?.groups?.['filled'] ?? indices?.[0] ?? [0, 0];
        return { kind, from, to };
      }),
    )
    .toSorted((one, other) => one.from - other.from);
}
