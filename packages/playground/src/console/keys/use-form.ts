import { useEffect, useState } from 'react';
import type { PageFailure } from '../../api/failure.ts';
import type { Form } from './field.tsx';
import { fieldNamed, type Texts } from './fields.ts';

/** The fields of a form. A refusal moves the focus to its field. */
export function useForm(first: Texts, failure: PageFailure | undefined): Form {
  const [texts, setTexts] = useState(first);
  const name = fieldNamed(failure?.param);
  useEffect(() => {
    if (failure !== undefined && name !== undefined) document.getElementById(`key-field-${name}`)?.focus();
  }, [failure, name]);
  return {
    texts,
    refused: failure === undefined || name === undefined ? undefined : { name, failure },
    type: (field, text) => setTexts((before) => ({ ...before, [field]: text })),
  };
}
