/** One page of the docs, read and rendered. */
export interface DocPage {
  /** `keys`, `errors/model_not_found`: its path below `/docs/`. */
  readonly slug: string;
  /** The first heading, without marks. */
  readonly title: string;
  /** The first paragraph, without marks. */
  readonly description: string;
  /** Of the second and third level. */
  readonly headings: readonly Heading[];
  /** What is below the title, as HTML. */
  readonly html: string;
  /** Its source, with links that hold where the pages are served. */
  readonly markdown: string;
  readonly passages: readonly Passage[];
  /** The same passages as HTML, without colours. */
  readonly passagesHtml: readonly string[];
}

export interface Heading {
  readonly level: 2 | 3;
  readonly anchor: string;
  /** Without marks. */
  readonly text: string;
}

/** A stretch of a page that an answer quotes. */
export interface Passage {
  readonly slug: string;
  /** Of the nearest heading above it; empty before the first one. */
  readonly anchor: string;
  /** The title of the page. */
  readonly title: string;
  /** The headings above it, from the outermost on, without the title; none before the first one. */
  readonly headings: readonly string[];
  /** Its source. */
  readonly text: string;
}
