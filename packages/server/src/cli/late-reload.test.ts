import { expect, it } from 'vitest';
import { createLateReload } from './late-reload.ts';

it('reloads that are asked for while the server starts are one reload when it serves', () => {
  let reloads = 0;
  const late = createLateReload();
  late.ask();
  late.ask();
  expect(reloads).toBe(0);
  late.become(() => {
    reloads += 1;
  });
  expect(reloads).toBe(1);
  late.ask();
  expect(reloads).toBe(2);
});

it('a server that was asked for none while it started does none', () => {
  let reloads = 0;
  createLateReload().become(() => {
    reloads += 1;
  });
  expect(reloads).toBe(0);
});
