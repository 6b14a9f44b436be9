import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { KnownNames } from './known-names.ts';
import { type FilterName, type Filters, isWhole } from './request-filters.ts';
import { statuses } from './request-record.ts';

const pauseMs = 500;

interface FilterBarProps {
  readonly filters: Filters;
  readonly names: KnownNames;
  /** The filter that the server refuses. */
  readonly refused: string | undefined;
  /** `isCorrection`: it takes the place of the value before it, which was half of this one. */
  onFilter(name: FilterName, value: string, isCorrection: boolean): void;
}

export function FilterBar({ filters, names, refused, onFilter }: FilterBarProps): ReactNode {
  const field = (name: FilterName, label: string, more: Partial<TextFilterProps> = {}): ReactNode => (
    <TextFilter
      label={label}
      value={filters[name] ?? ''}
      isRefused={refused === name}
      isWhole={(text) => isWhole(name, text)}
      onValue={(value, isCorrection) => onFilter(name, value, isCorrection)}
      {...more}
    />
  );
  return (
    <search className="filters" aria-label="Filters">
      <StatusFilter value={filters.status ?? ''} onValue={(value) => onFilter('status', value, false)} />
      {field('model', 'Model', { suggestions: names.models })}
      {field('key_id', 'Key', { suggestions: names.keys, nameOf: names.nameOfKey })}
      {field('owner', 'Owner', { suggestions: names.owners })}
      {field('user', 'User')}
      {field('tag', 'Tag', { placeholder: 'e.g. team=blue' })}
      {field('since', 'Since', {
        placeholder: 'e.g. 24h',
        suggestions: ['15m', '1h', '24h', '7d', '30d'],
      })}
      {field('until', 'Until', { placeholder: 'e.g. 1h' })}
    </search>
  );
}

function StatusFilter({
  value,
  onValue,
}: {
  readonly value: string;
  onValue(value: string): void;
}): ReactNode {
  const id = useId();
  return (
    <div className={value === '' ? 'filter' : 'filter set'}>
      <label htmlFor={id}>Status</label>
      <select id={id} value={value} onChange={(event) => onValue(event.target.value)}>
        <option value="">any</option>
        {statuses.map((status) => (
          <option key={status}>{status}</option>
        ))}
      </select>
    </div>
  );
}

interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly suggestions?: readonly string[];
  nameOf?(suggestion: string): string;
  readonly isRefused: boolean;
  isWhole(text: string): boolean;
  onValue(value: string, isCorrection: boolean): void;
}

/** A text that filters after a pause in the typing, at Enter, and when the field is left. */
function TextFilter(props: TextFilterProps): ReactNode {
  const { label, value, placeholder = 'any', suggestions, nameOf, isRefused, onValue } = props;
  const id = useId();
  const [typed, setTyped] = useState(value);
  /** Set from the first value of a visit to the field on. */
  const corrects = useRef(false);
  const timer = useRef<number>(undefined);
  // The address may change by the history, or by a link in the details.
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const commit = (text: string): void => {
    window.clearTimeout(timer.current);
    if (text.trim() === value) return;
    onValue(text.trim(), corrects.current);
    corrects.current = true;
  };
  const type = (text: string): void => {
    setTyped(text);
    window.clearTimeout(timer.current);
    if (suggestions?.includes(text) || text === '') commit(text);
    else if (props.isWhole(text)) timer.current = window.setTimeout(() => commit(text), pauseMs);
  };
  return (
    <div className={value === '' ? 'filter' : 'filter set'}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        autoComplete="off"
        spellCheck={false}
        list={suggestions === undefined ? undefined : `${id}-list`}
        placeholder={placeholder}
        aria-invalid={isRefused ? true : undefined}
        value={typed}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit(typed);
        }}
        onBlur={() => {
          commit(typed);
          corrects.current = false;
        }}
      />
      {suggestions !== undefined && (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one} value={one} label={nameOf?.(one) ?? one} />
          ))}
        </datalist>
      )}
    </div>
  );
}
