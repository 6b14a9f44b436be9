import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { FaultGroup } from './lab-api.ts';

interface FaultListProps {
  readonly groups: readonly FaultGroup[];
  /** The name of a fault. */
  readonly chosen: string;
  onChoose(name: string): void;
}

/** All faults in their groups, and a field that leaves those whose name or description has each of its words. */
export function FaultList({ groups, chosen, onChoose }: FaultListProps): ReactNode {
  const [search, setSearch] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const hasFaults = groups.length > 0;
  useEffect(() => {
    if (hasFaults) list.current?.querySelector(':checked')?.scrollIntoView({ block: 'center' });
  }, [hasFaults]);
  useEffect(() => {
    const element = list.current;
    if (element === null) return;
    // A story below takes room from the list.
    const observer = new ResizeObserver(() => showChosen(element));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const words = search.toLowerCase().split(/\s+/);
  const found = groups
    .map(({ title, faults }) => ({
      title,
      faults: faults.filter(({ name, description }) => {
        const text = `${name} ${title} ${description}`.toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter(({ faults }) => faults.length > 0);
  return (
    <>
      <input
        type="search"
        aria-label="Search faults"
        placeholder="Search faults: cut, usage, 429 …"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="faults" ref={list}>
        {found.map(({ title, faults }) => (
          <fieldset key={title}>
            <legend>{title}</legend>
            {faults.map(({ name, description }) => (
              <label key={name}>
                <input
                  type="radio"
                  name="lab-fault"
                  aria-label={name}
                  checked={name === chosen}
                  onChange={() => onChoose(name)}
                />
                <code>{name}</code>
                <span className="hint">{description}</span>
              </label>
            ))}
          </fieldset>
        ))}
        {found.length === 0 && hasFaults && <p className="hint">No fault has these words.</p>}
      </div>
    </>
  );
}

/** Scrolls the list alone: what stands around it keeps its place. */
function showChosen(list: HTMLElement): void {
  const chosen = list.querySelector(':checked')?.closest('label')?.getBoundingClientRect();
  if (chosen === undefined) return;
  const { top, bottom } = list.getBoundingClientRect();
  if (chosen.bottom > bottom || chosen.top < top) list.scrollTop += chosen.top - (top + bottom) / 2;
}
