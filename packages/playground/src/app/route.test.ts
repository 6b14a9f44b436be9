import { describe, expect, test } from 'vitest';
import { consoleAddress, routeIn } from './route.ts';

describe('the fragment of the address', () => {
  test.each(['', '#', '#/', '#sign-in=abc', '#share=x'])('%j is the playground', (fragment) => {
    expect(routeIn(fragment)).toEqual({ place: 'playground' });
  });

  test.each([
    ['#/console', 'overview'],
    ['#/console/', 'overview'],
    ['#/console/keys', 'keys'],
    ['#/console/unknown', 'overview'],
  ])('%j is the view %s of the console', (fragment, view) => {
    expect(routeIn(fragment)).toMatchObject({ place: 'console', view });
  });

  test('keeps what a view wants to keep', () => {
    const address = consoleAddress('requests', { status: 'cut', key: '', owner: undefined, tag: 'a=b&c' });
    const route = routeIn(address);
    expect(route).toMatchObject({ place: 'console', view: 'requests' });
    if (route.place === 'console')
      expect([...route.query]).toEqual([
        ['status', 'cut'],
        ['tag', 'a=b&c'],
      ]);
  });
});
