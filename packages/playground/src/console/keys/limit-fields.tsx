import type { ReactNode } from 'react';
import { Choice, Field, type Form } from './field.tsx';
import { modelsIn, unmatchedModels, withModelToggled } from './fields.ts';

interface LimitFieldsProps {
  readonly form: Form;
  /** Every name that a client may ask for. */
  readonly served: readonly string[];
  /** What holds where a field is empty. */
  readonly unset: string;
}

const mostOffered = 12;

/** What a key and an owner have in common. */
export function LimitFields({ form, served, unset }: LimitFieldsProps): ReactNode {
  return (
    <>
      <ModelsField form={form} served={served} />
      <div className="form-trio">
        <Field
          form={form}
          name="requests_per_minute"
          label="Requests per minute"
          placeholder={unset}
          isNumber
        />
        <Field form={form} name="tokens_per_minute" label="Tokens per minute" placeholder={unset} isNumber />
        <Field form={form} name="max_streams" label="Concurrent streams" placeholder={unset} isNumber />
      </div>
      <Field
        form={form}
        name="budget"
        label="Budget"
        placeholder="none"
        isNumber
        hint="Requests beyond it are refused. Days and months are those of UTC."
      >
        <Choice
          form={form}
          name="budget_unit"
          label="Unit"
          choices={[
            ['usd', 'US dollars'],
            ['tokens', 'tokens'],
          ]}
        />
        <Choice
          form={form}
          name="budget_period"
          label="Period"
          choices={[
            ['day', 'a day'],
            ['month', 'a month'],
            ['total', 'in total'],
          ]}
        />
      </Field>
    </>
  );
}

function ModelsField({ form, served }: { form: Form; served: readonly string[] }): ReactNode {
  const text = form.texts.models;
  const chosen = modelsIn(text);
  const unmatched = unmatchedModels(text, served);
  const vendors = new Set(served.flatMap((name) => (name.includes('/') ? [`${name.split('/')[0]}/*`] : [])));
  const offered = [...vendors, ...served].slice(0, mostOffered);
  return (
    <div>
      <Field
        form={form}
        name="models"
        label="Models"
        placeholder="all"
        hint={
          served.length > 0 && unmatched.length > 0
            ? `No model is called ${unmatched.join(', ')}.`
            : 'Ids and aliases, or a pattern with * at its end: acme/*'
        }
      />
      {offered.length > 0 && (
        <fieldset className="form-offered">
          <legend className="unseen">Served models</legend>
          {offered.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={chosen.includes(name)}
              onClick={() => form.type('models', withModelToggled(text, name))}
            >
              {name}
            </button>
          ))}
        </fieldset>
      )}
    </div>
  );
}
