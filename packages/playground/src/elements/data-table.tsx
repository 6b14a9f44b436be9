import type { MouseEvent, ReactNode } from 'react';
import './data-table.css';

export interface Column<Row> {
  /** The head of the column; where `isHeadUnseen`, only for screen readers. */
  readonly name: string;
  /** `end`: for figures. */
  readonly align?: 'start' | 'end';
  readonly isHeadUnseen?: boolean;
  /** Of the last column: it stays in sight while the others scroll below it, as what one may do with a row should. */
  readonly isPinned?: boolean;
  /** Ids and names that may be long: they are cut with an ellipsis at this width, `18ch`. Give the cell a title. */
  readonly maxWidth?: string;
  cell(row: Row): ReactNode;
  /** What stands below the column, in the foot of the table. */
  readonly foot?: ReactNode;
}

interface DataTableProps<Row> {
  /** The accessible name of the table. */
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  keyOf(row: Row): string;
  /** The row that is shown elsewhere now. */
  readonly isOpen?: (row: Row) => boolean;
  /** Makes each row one that opens, by a click anywhere in it, or by its first cell, which is a button then. */
  readonly onOpen?: (row: Row) => void;
  /** In the place of the table while it has no rows. */
  readonly empty?: ReactNode;
}

/**
 * A dense table. The first column names the row. Where it is wider than its place it scrolls inside of its own region, and its head stays
 * in sight; the page never scrolls sideways.
 */
export function DataTable<Row>(props: DataTableProps<Row>): ReactNode {
  const { name, columns, rows, keyOf, isOpen, onOpen, empty } = props;
  if (rows.length === 0 && empty !== undefined) return <div className="table-empty">{empty}</div>;
  const openBy = (event: MouseEvent, row: Row): void => {
    // A click on a control is for that control, and who has selected a text wants to copy it.
    const isForControl = (event.target as Element).closest('a, button, input, select, label') !== null;
    if (!isForControl && window.getSelection()?.isCollapsed !== false) onOpen?.(row);
  };
  const hasFoot = columns.some(({ foot }) => foot !== undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard.
    <section className="table-region" aria-label={`${name}, scrolls`} tabIndex={0}>
      <table className="data-table" aria-label={name}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={classOf(column)}>
                {column.isHeadUnseen ? <span className="unseen">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              className={onOpen === undefined ? undefined : 'opens'}
              aria-current={isOpen?.(row) === true ? 'true' : undefined}
              onClick={onOpen === undefined ? undefined : (event) => openBy(event, row)}
            >
              {columns.map((column, at) => {
                const content = clipped(column, column.cell(row));
                return at === 0 ? (
                  <th key={column.name} scope="row" className={classOf(column)}>
                    {onOpen === undefined ? (
                      content
                    ) : (
                      <button type="button" className="opener" onClick={() => onOpen(row)}>
                        {content}
                      </button>
                    )}
                  </th>
                ) : (
                  <td key={column.name} className={classOf(column)}>
                    {content}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
        {hasFoot && (
          <tfoot>
            <tr>
              {columns.map((column) => (
                <td key={column.name} className={classOf(column)}>
                  {column.foot}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  );
}

function classOf<Row>({ align, isPinned }: Column<Row>): string | undefined {
  return isPinned === true ? `${align ?? 'start'} pinned` : align;
}

function clipped<Row>({ maxWidth }: Column<Row>, content: ReactNode): ReactNode {
  return maxWidth === undefined ? (
    content
  ) : (
    <span className="clipped" style={{ maxWidth }}>
      {content}
    </span>
  );
}
