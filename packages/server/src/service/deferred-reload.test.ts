import { expect, it } from 'vitest';
import { createDeferredReload } from './deferred-reload.ts';

it('reloads that are requested while the server starts are one reload when it can reload', () => {
  let reloads = 0;
  const deferred = createDeferredReload();
  deferred.request();
  deferred.request();
  expect(reloads).toBe(0);
  deferred.startWith(() => {
    reloads += 1;
  });
  expect(reloads).toBe(1);
  deferred.request();
  expect(reloads).toBe(2);
});

it('a server whose start saw no request does not reload', () => {
  let reloads = 0;
  createDeferredReload().startWith(() => {
    reloads += 1;
  });
  expect(reloads).toBe(0);
});
