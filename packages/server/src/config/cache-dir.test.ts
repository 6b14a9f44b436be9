import { expect, it } from 'vitest';
import { defaultCacheDir, thisMachine } from './cache-dir.ts';

it('has a cache folder where the user is unknown to the machine and has no home, as one of a container', () => {
  const { homeDir } = thisMachine(() => {
    throw new Error('uv_os_homedir returned ENOENT');
  });
  expect(defaultCacheDir({}, { platform: 'linux', homeDir })).toBe('/.cache/tailrace');
});
