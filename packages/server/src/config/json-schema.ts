import * as z from 'zod';
import { configSchema } from './schema.ts';

/** The JSON Schema that editors check `tailrace.yaml` by; `write-json-schema.ts` puts it into its file. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    ...z.toJSONSchema(configSchema, { io: 'input' }),
    title: 'Configuration of Tailrace (tailrace.yaml)',
  };
}
