import { configSchema } from '../../packages/server/src/config/schema.ts';

/** The JSON Schema by which editors check `tailrace.yaml`. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    ...configSchema.toJSONSchema({ io: 'input' }),
    title: 'Configuration of Tailrace (tailrace.yaml)',
  };
}
