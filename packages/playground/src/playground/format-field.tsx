import { type ReactNode, useEffect } from 'react';
import type { PageFailure } from '../api/failure.ts';
import type { RequestField } from '../chat/request-fields.ts';
import { exampleSchemas, formatKinds, type ResponseFormat } from '../chat/response-format.ts';
import { Switch } from '../elements/switch.tsx';
import { useChecks } from '../json/checks.ts';
import { JsonEditor } from '../json/json-editor.tsx';
import { describeFault } from '../json/partial-json.ts';
import { writtenJson } from '../json/pretty-json.ts';
import { fieldId } from './parameter-field.tsx';

interface FormatFieldProps {
  readonly format: ResponseFormat;
  readonly refused: RequestField | undefined;
  readonly failure: PageFailure | undefined;
  onChange(format: ResponseFormat): void;
}

/** `response_format`: text, JSON, or JSON by a schema that is written here. */
export function FormatField({ format, refused, failure, onChange }: FormatFieldProps): ReactNode {
  const { kind } = format;
  const id = fieldId('response_format');
  const isRefused = refused === 'response_format';
  const isJson = kind !== 'text';
  useEffect(() => {
    // What shows the answer is there before it comes.
    if (isJson) void import('./json-answer.tsx');
  }, [isJson]);
  return (
    <div className="field">
      <div className="row">
        <label htmlFor={id}>response_format</label>
        {isJson && (
          <button
            type="button"
            className="quiet"
            aria-label="Reset response_format"
            onClick={() => onChange({ ...format, kind: 'text' })}
          >
            Reset
          </button>
        )}
      </div>
      <select
        id={id}
        value={kind}
        aria-invalid={isRefused}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          const chosen = formatKinds.find((one) => one === event.target.value);
          if (chosen !== undefined) onChange({ ...format, kind: chosen });
        }}
      >
        {formatKinds.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <p id={`${id}-hint`} className={isRefused ? 'refused' : 'hint'}>
        {isRefused ? failure?.message : 'JSON answers stream as a tree that grows.'}
      </p>
      {kind === 'json_schema' && (
        <SchemaFields format={format} refused={refused} failure={failure} onChange={onChange} />
      )}
    </div>
  );
}

function SchemaFields({ format, refused, failure, onChange }: FormatFieldProps): ReactNode {
  const checks = useChecks();
  const { name, strict, schema } = format;
  const nameId = fieldId('response_format.name');
  const schemaErrors =
    refused === 'response_format.schema' && failure !== undefined
      ? [failureLine(failure)]
      : schemaMistakes(schema, checks);
  const isNameRefused = refused === 'response_format.name';
  return (
    <div className="schema-fields">
      <div className="row">
        <label htmlFor={nameId}>name</label>
        <input
          id={nameId}
          type="text"
          autoComplete="off"
          aria-invalid={isNameRefused}
          aria-describedby={isNameRefused ? `${nameId}-hint` : undefined}
          value={name}
          onChange={(event) => onChange({ ...format, name: event.target.value })}
        />
        <Switch isOn={strict} onSet={(isOn) => onChange({ ...format, strict: isOn })}>
          strict
        </Switch>
      </div>
      {isNameRefused && (
        <p id={`${nameId}-hint`} className="refused">
          {failure?.message}
        </p>
      )}
      <JsonEditor
        id={fieldId('response_format.schema')}
        label="Schema of the answer"
        text={schema}
        errors={schemaErrors}
        hint="A JSON Schema; what cannot be enforced is refused at its path."
        onChange={(text) => onChange({ ...format, schema: text })}
      />
      <div className="row examples">
        <span className="hint">Examples:</span>
        {exampleSchemas.map(({ label, schema: example }) => (
          <button
            key={label}
            type="button"
            className="quiet"
            onClick={() => onChange({ ...format, schema: writtenJson(example) })}
          >
            {label}
          </button>
        ))}
      </div>
    </div>
  );
}

/** What is wrong with a schema that a person writes; its syntax only, until the validator is loaded. */
export function schemaMistakes(text: string, checks: ReturnType<typeof useChecks>): readonly string[] {
  if (checks !== undefined) return checks.checkSchema(text);
  const fault = describeFault(text);
  return fault === undefined ? [] : [fault];
}

/** A refusal with the path that the server names. */
export function failureLine({ param, message }: PageFailure): string {
  return param === undefined || message.includes(param) ? message : `${param}: ${message}`;
}
