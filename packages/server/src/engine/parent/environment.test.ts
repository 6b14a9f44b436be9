import { expect, test } from 'vitest';
import { childEnvironment } from './environment.ts';

test('the engine gets what the loader needs and no secret', () => {
  const environment = childEnvironment(
    {
      Path: 'C:\\bin',
      HOME: '/home/a',
      TAILRACE_API_KEY: 'tr_secret',
      OPENAI_API_KEY: 'sk-secret',
      NODE_OPTIONS: '--inspect',
      LANG: undefined,
      UV_THREADPOOL_SIZE: '64',
    },
    'win32',
  );
  expect(environment).toEqual({ Path: 'C:\\bin', HOME: '/home/a', UV_THREADPOOL_SIZE: '1' });
});

test('on Linux the engine asks for huge pages, whatever the server was started with', () => {
  const environment = childEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.check=3' }, 'linux');
  expect(environment).toEqual({ UV_THREADPOOL_SIZE: '1', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' });
});
