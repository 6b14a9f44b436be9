import { expect, test } from 'vitest';
import { childEnvironment } from './environment.ts';

test('the engine gets what the loader needs and no secret', () => {
  const environment = childEnvironment({
    Path: 'C:\\bin',
    HOME: '/home/a',
    TAILRACE_API_KEY: 'tr_secret',
    OPENAI_API_KEY: 'sk-secret',
    NODE_OPTIONS: '--inspect',
    LANG: undefined,
    UV_THREADPOOL_SIZE: '64',
  });
  expect(environment).toEqual({ Path: 'C:\\bin', HOME: '/home/a', UV_THREADPOOL_SIZE: '1' });
});
