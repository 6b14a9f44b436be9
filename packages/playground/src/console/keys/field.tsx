import type { ReactNode } from 'react';
import type { PageFailure } from '../../api/failure.ts';
import type { TextName, Texts } from './fields.ts';

/** The fields of one form: what is typed, and what the server has refused. */
export interface Form {
  readonly texts: Texts;
  readonly refused: { readonly name: TextName; readonly failure: PageFailure } | undefined;
  type(name: TextName, text: string): void;
}

interface FieldProps {
  readonly form: Form;
  readonly name: TextName;
  readonly label: string;
  readonly hint?: ReactNode;
  readonly placeholder?: string | undefined;
  readonly type?: 'text' | 'datetime-local';
  /** The id of a `datalist`. */
  readonly list?: string;
  readonly rows?: number;
  readonly isNumber?: true;
  /** What belongs to the same value: its unit, quick choices. */
  readonly children?: ReactNode;
}

/** A field with its label, and below it what it is for, or why it was refused. */
export function Field(props: FieldProps): ReactNode {
  const { form, name, label, hint, placeholder, type = 'text', list, rows, isNumber, children } = props;
  const id = `key-field-${name}`;
  const failure = form.refused?.name === name ? form.refused.failure : undefined;
  const note = failure === undefined ? hint : failure.message;
  const common = {
    id,
    value: form.texts[name],
    placeholder,
    autoComplete: 'off',
    spellCheck: false,
    'aria-invalid': failure !== undefined,
    'aria-describedby': note === undefined ? undefined : `${id}-note`,
  };
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      <div className="form-value">
        {rows === undefined ? (
          <input
            {...common}
            type={type}
            list={list}
            inputMode={isNumber ? 'decimal' : undefined}
            onChange={(event) => form.type(name, event.target.value)}
          />
        ) : (
          <textarea {...common} rows={rows} onChange={(event) => form.type(name, event.target.value)} />
        )}
        {children}
      </div>
      {note !== undefined && (
        <p id={`${id}-note`} className={failure === undefined ? 'hint' : 'refused'}>
          {note}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly form: Form;
  readonly name: TextName;
  readonly label: string;
  readonly choices: readonly (readonly [value: string, name: string])[];
}

/** One of few values, in a `select`. */
export function Choice({ form, name, label, choices }: ChoiceProps): ReactNode {
  return (
    <select
      aria-label={label}
      value={form.texts[name]}
      onChange={(event) => form.type(name, event.target.value)}
    >
      {choices.map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </select>
  );
}
