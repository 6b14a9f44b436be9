// A schema of zod, once as a validator and once as JSON Schema: this version of zod does not join the two by itself.

import * as z from 'zod/v4';

/** @type {import('../../../packages/client/src/index.ts').StandardSchema<unknown, { name: string, size: number }>} */
export const zodCity = z.object({ name: z.string(), size: z.number().min(1).default(5) });
export const zodCityJsonSchema = z.toJSONSchema(zodCity);
