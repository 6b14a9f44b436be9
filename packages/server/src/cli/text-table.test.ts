import { expect, it } from 'vitest';
import { textTable } from './text-table.ts';

const columns = ['ID', { shrinks: 'NAME' }, { right: 'COUNT' }, 'NOTE'] as const;

it('aligns texts left and numbers right, and leaves optional columns out that are empty', () => {
  const rows = [
    ['a', 'first', '1', ''],
    ['bcd', 'x', '1,000', ''],
  ];
  expect(textTable(columns, rows, { optional: ['NAME', 'NOTE'] })).toBe(`\
ID   NAME   COUNT
a    first      1
bcd  x      1,000
`);
});

it('fits into the terminal by columns that may shrink, and cuts no other', () => {
  const rows = [['an-id-that-must-stay', 'a name that is rather long', '7', 'note']];
  expect(textTable(columns, rows, { width: 45 })).toBe(`\
ID                    NAME        COUNT  NOTE
an-id-that-must-stay  a name th…      7  note
`);
  // Too narrow for the rest: the column keeps a little.
  expect(textTable(columns, rows, { width: 20 })).toContain('  a name …  ');
});
