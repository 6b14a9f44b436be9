export {
  createHealingFetch,
  type FetchFunction,
  type HealingFetchOptions,
} from '../healing-fetch/healing-fetch.ts';
export { createTailrace, type TailraceProviderSettings } from './create-tailrace.ts';
