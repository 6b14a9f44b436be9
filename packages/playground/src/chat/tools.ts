import { parsed } from '../api/json.ts';
import { writtenJson } from '../json/pretty-json.ts';

/** A function that the model may call, as it is written in the panel. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema, as text: it may be no JSON while it is written. */
  readonly parameters: string;
  /** The result that stands for a real one; empty where there is none. */
  readonly mock: string;
}

export interface ToolSettings {
  readonly all: readonly Tool[];
  /** Calls get their mock results at once, and the answer goes on. */
  readonly answersFromMock: boolean;
}

export const noTools: ToolSettings = { all: [], answersFromMock: false };

function schemaText(properties: object, required: readonly string[]): string {
  return writtenJson({ type: 'object', properties, required, additionalProperties: false });
}

export const newTool: Tool = {
  name: 'my_function',
  description: '',
  parameters: schemaText({ text: { type: 'string' } }, ['text']),
  mock: '',
};

export const exampleTools: readonly { readonly label: string; readonly tool: Tool }[] = [
  {
    label: 'Weather',
    tool: {
      name: 'get_weather',
      description: 'The weather of a city, now.',
      parameters: schemaText(
        {
          city: { type: 'string', description: 'Its name, in English.' },
          unit: { enum: ['celsius', 'fahrenheit'] },
        },
        ['city'],
      ),
      mock: JSON.stringify({ temperature: 14, sky: 'light rain' }),
    },
  },
  {
    label: 'Add two numbers',
    tool: {
      name: 'add',
      description: 'The sum of two numbers.',
      parameters: schemaText({ a: { type: 'number' }, b: { type: 'number' } }, ['a', 'b']),
      mock: JSON.stringify({ sum: 42 }),
    },
  },
];

/** `tools` of the request. */
export function toolsJson({ all }: ToolSettings): readonly object[] {
  return all.map(({ name, description, parameters }) => ({
    type: 'function',
    function: {
      name,
      ...(description.trim() === '' ? {} : { description }),
      ...(parameters.trim() === '' ? {} : { parameters: parsed(parameters) }),
    },
  }));
}
