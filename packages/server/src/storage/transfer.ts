import type { JsonObject } from '../domain/json.ts';

/** One line of an export: `table`, and the columns of one row. The first one is the header. */
export type TransferRow = JsonObject;

/** What an export has beside keys, owners, records and sums. */
export interface Exported {
  /** Prompts and answers. Default: they are left out. */
  readonly contents?: boolean;
}

/** What `tailrace db export` and `import` need of a store. */
export interface Transfer {
  /**
   * Everything that the store keeps but its secrets and, unless they are asked for, contents, as of one moment, in an order and a form that are the same for each kind of store: two
   * stores with the same content export the same bytes. Memory is bounded.
   */
  exportRows(what?: Exported): AsyncIterable<TransferRow>;
  /**
   * Stores the rows of an export, all of them or none, and resolves with their number. Memory is bounded. Rejects with an
   * {@link ImportError} where a server uses the store, where the store is not empty and `replace` is not given (with it,
   * everything but its secrets is deleted first), or where the rows are no export of a version that is known here.
   */
  importRows(
    rows: AsyncIterable<TransferRow> | Iterable<TransferRow>,
    options?: { readonly replace?: boolean },
  ): Promise<number>;
}

/** Rows that cannot be imported. The message is for the operator. */
export class ImportError extends Error {
  readonly code: 'not-empty' | 'in-use' | 'not-an-export' | 'newer';

  constructor(code: ImportError['code'], message: string) {
    super(message);
    this.name = 'ImportError';
    this.code = code;
  }
}
