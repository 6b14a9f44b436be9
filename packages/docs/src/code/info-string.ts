/** What stands behind the opening fence of a block of code: `sh tab="curl" norun="needs an account"`. */
export interface InfoString {
  /** Empty where there is none. */
  readonly language: string;
  readonly tab: string | undefined;
  /** A name above the block, such as that of a file. */
  readonly title: string | undefined;
}

/** Other keys than these are for the tests of the blocks. */
export function readInfoString(info: string | undefined): InfoString {
  const [, language = '', rest = ''] = /^\s*([^\s=]*)(?=\s|$)(.*)$/s.exec(info ?? '') ?? [];
  const values = new Map(
    Array.from(rest.matchAll(/([\w-]+)=(?:"([^"]*)"|(\S+))/g), ([, key = '', quoted, plain]) => [
      key,
      quoted ?? plain,
    ]),
  );
  return { language, tab: values.get('tab'), title: values.get('title') };
}
