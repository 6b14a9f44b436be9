import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';

/** The height of a row, in pixels; also in `styles/panels.css`. Only the rows in sight are elements of the page. */
const rowPx = 22;
const spareRows = 10;

interface RowListProps<Item> {
  readonly name: string;
  readonly items: readonly Item[];
  /** Changes when the list has grown: it is one object. */
  readonly version: number;
  readonly chosen: Item | undefined;
  keyOf(item: Item): number;
  row(item: Item): ReactNode;
  onChoose(item: Item): void;
}

/** A long list that grows at its end. It follows the end while the reader is there. */
export function RowList<Item>({
  name,
  items,
  version,
  chosen,
  keyOf,
  row,
  onChoose,
}: RowListProps<Item>): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [top, setTop] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is one object that grows.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && follows.current) element.scrollTop = element.scrollHeight;
  }, [version]);
  const height = scroller.current?.clientHeight ?? 600;
  const first = Math.max(0, Math.floor(top / rowPx) - spareRows);
  const last = Math.min(items.length, Math.ceil((top + height) / rowPx) + spareRows);
  return (
    <section
      className="rows"
      ref={scroller}
      aria-label={name}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        follows.current = scrollHeight - scrollTop - clientHeight < rowPx;
        setTop(scrollTop);
      }}
    >
      <ol style={{ height: items.length * rowPx }}>
        {items.slice(first, last).map((item, at) => (
          <li key={keyOf(item)} style={{ top: (first + at) * rowPx }}>
            <button type="button" aria-pressed={item === chosen} onClick={() => onChoose(item)}>
              {row(item)}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
