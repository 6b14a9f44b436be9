import { type ReactNode, useState } from 'react';
import type { PageFailure } from '../api/failure.ts';
import { labelOf, type ParameterField } from '../chat/parameters.ts';
import type { RequestField } from '../chat/request-fields.ts';
import { describeFault } from '../json/partial-json.ts';

/** The id of the element in which a part of the request is written. */
export function fieldId(field: RequestField): string {
  return `field-${field}`;
}

interface FieldProps {
  readonly field: ParameterField;
  readonly text: string;
  /** Why the server has refused the value. */
  readonly failure: PageFailure | undefined;
  onChange(text: string): void;
}

export function Field({ field, text, failure: refusal, onChange: change }: FieldProps): ReactNode {
  const { name, kind, hint } = field;
  // What has been said of a value is not said of the next one.
  const [settled, settle] = useState<PageFailure>();
  const failure = refusal === settled ? undefined : refusal;
  const onChange = (next: string): void => {
    settle(refusal);
    change(next);
  };
  const id = fieldId(name);
  const label = labelOf(name);
  const fault = failure?.message ?? (kind === 'json' && text.trim() !== '' ? describeFault(text) : undefined);
  return (
    <div className="field">
      <div className="row">
        <label htmlFor={id}>{label}</label>
        {text !== '' && (
          <button type="button" className="quiet" aria-label={`Reset ${label}`} onClick={() => onChange('')}>
            Reset
          </button>
        )}
      </div>
      <Control field={field} text={text} isRefused={fault !== undefined} onChange={onChange} />
      <p id={`${id}-hint`} className={fault === undefined ? 'hint' : 'refused'}>
        {fault ?? hint}
      </p>
    </div>
  );
}

interface ControlProps extends Pick<FieldProps, 'field' | 'text' | 'onChange'> {
  readonly isRefused: boolean;
}

function Control({ field, text, isRefused, onChange }: ControlProps): ReactNode {
  const { name, kind, step = 1, choices = [], unset } = field;
  const id = fieldId(name);
  const common = { id, value: text, 'aria-invalid': isRefused, 'aria-describedby': `${id}-hint` };
  switch (kind) {
    case 'choice':
      return (
        <select {...common} onChange={(event) => onChange(event.target.value)}>
          <option value="">not set: {unset}</option>
          {/* A function may have been renamed since it was chosen. */}
          {text !== '' && !choices.includes(text) && <option value={text}>{text}</option>}
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    case 'lines':
    case 'json':
      return (
        <textarea
          {...common}
          placeholder={unset}
          rows={2}
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    case 'number':
      return (
        <input
          {...common}
          placeholder={unset}
          // Not `number`: such a field hides what it cannot read, and the server could not refuse it.
          type="text"
          inputMode="decimal"
          autoComplete="off"
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            const sign = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
            if (sign === 0 || Number.isNaN(Number(text))) return;
            event.preventDefault();
            onChange(String(Number((Number(text) + sign * step).toFixed(2))));
          }}
        />
      );
    case 'text':
      return (
        <input
          {...common}
          placeholder={unset}
          type="text"
          autoComplete="off"
          onChange={(event) => onChange(event.target.value)}
        />
      );
  }
}
