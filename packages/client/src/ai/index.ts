export { createTailrace, type TailraceProviderSettings } from './create-tailrace.ts';
export { createHealingFetch, type FetchFunction, type HealingFetchOptions } from './healing-fetch.ts';
