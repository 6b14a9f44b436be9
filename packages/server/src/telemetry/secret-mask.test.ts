import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSecretMask } from './secret-mask.ts';

const secret = 'tr_Ab/9"x-2026';
const mask = createSecretMask([secret, 'Gpu7.Lab.example:8000', 'abc'], '*');

describe('a secret in a text', () => {
  it.each([
    ['as it is', secret],
    ['in capital letters', secret.toUpperCase()],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in JSON of JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    ['with every character escaped', [...secret].map((unit) => `\\u00${hex(unit)}`).join('')],
    ['percent-encoded', encodeURIComponent(secret)],
    ['percent-encoded twice', encodeURIComponent(encodeURIComponent(secret))],
    ['wholly percent-encoded', [...secret].map((unit) => `%${hex(unit)}`).join('')],
    ['as entities of HTML', [...secret].map((unit) => `&#${unit.charCodeAt(0)};`).join('')],
    ['as hexadecimal entities', [...secret].map((unit) => `&#x${hex(unit)};`).join('')],
    ['in wide letters', [...secret].map((unit) => String.fromCharCode(unit.charCodeAt(0) + 0xfee0)).join('')],
    ['as entities of HTML, escaped again', [...secret].map((u) => `&amp;#${u.charCodeAt(0)};`).join('')],
    ['with named entities', secret.replace('-', '&hyphen;').replace('"', '&amp;quot;').replace('/', '&sol;')],
    ['with every character in braces', [...secret].map((unit) => `\\u{${hex(unit)}}`).join('')],
    ['with escaped punctuation', secret.replace(/[^A-Za-z0-9]/g, '\\$&')],
    [
      'in letters of mathematics',
      secret.replace(/[a-z]/g, (u) => String.fromCodePoint(0x1d68a - 97 + u.charCodeAt(0))),
    ],
    ['with accents', [...secret].join('\u0301')],
    ['with marks of symbols', [...secret].join('\u20d0')],
    ['split by variation selectors', [...secret].join('\ufe0f')],
    ['split by the vowel separator of Mongolian', [...secret].join('\u180e')],
    ['split by the letter mark of Arabic', [...secret].join('\u061c')],
    ['split by the filler of Hangul', [...secret].join('\u3164')],
    ['split by tags', [...secret].join('\u{e0020}')],
    ['split by tags in escapes', [...secret].join('\\udb40\\udc20')],
    ['split by entities without width', [...secret].join('&#8203;')],
    ['in groups of base64', groups(Buffer.from(secret).toString('base64').replace(/=+$/, ''), 8, ' ')],
    [
      'in groups of base64 on lines',
      groups(Buffer.from(secret).toString('base64').replace(/=+$/, ''), 4, '\n'),
    ],
    ['in hexadecimal with spaces', groups(Buffer.from(secret).toString('hex'), 2, ' ')],
    ['in hexadecimal with colons', groups(Buffer.from(secret).toString('hex').toUpperCase(), 2, ':')],
    ['split by characters without width', [...secret].join('\u200b')],
    ['split by a line end and an indent', `${secret.slice(0, 6)}\r\n    ${secret.slice(6)}`],
    ['split by an escaped line end', `${secret.slice(0, 6)}\\n${secret.slice(6)}`],
    ['in base64', Buffer.from(secret).toString('base64').replace(/=+$/, '')],
    ['in base64url', Buffer.from(secret).toString('base64url')],
    ['in hexadecimal', Buffer.from(secret).toString('hex')],
  ])('is masked %s', (_, written) => {
    expect(mask(`Bad key ${written} for you`)).toMatch(/^Bad key \*.? for you$/);
  });

  it.each(['user:', 'ab:', 'a:', ''])('is masked in the base64 of %s and the secret', (before) => {
    const encoded = Buffer.from(`${before}${secret}!`).toString('base64');
    expect(mask(encoded)).not.toContain(Buffer.from(secret.slice(3)).toString('base64').slice(4, 12));
    expect(mask(encoded)).toContain('*');
  });

  it('is masked as a host in any case', () => {
    expect(mask('at GPU7.LAB.EXAMPLE:8000/v1')).toBe('at */v1');
  });

  it('is masked each time it occurs, and the text between stays unchanged', () => {
    expect(mask(`é%41 ${secret}\\u00e9${secret}, \u200bend`)).toBe('é%41 *\\u00e9*, \u200bend');
  });

  it('is masked where the text is cut inside it', () => {
    expect(mask(`key ${secret.slice(0, 7)}`, true)).toBe('key *');
    expect(mask(`key ${secret.slice(0, 7)}`)).toBe(`key ${secret.slice(0, 7)}`);
  });

  it('is masked whole where it begins with another secret', () => {
    expect(createSecretMask(['hunter-two', 'hunter-two-and-more'], '*')('hunter-two-and-more')).toBe('*');
  });

  it('is never shown, for any secret in any text', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.stringMatching(/^[\x21-\x7e]{6,80}$/), text, text, (key, before, behind) => {
        // An escape that begins before the key and ends in it is another text.
        const around = before.replace(/[\\%&#x\dA-Fa-f]/gi, ' ');
        expect(createSecretMask([key], '\u0001')(`${around} ${key} ${behind}`)).not.toContain(key);
      }),
    );
  });
});

it('leaves a text without secrets as it is', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => mask(text) === text));
});

it('masks a secret that is written in groups beside another that is not', () => {
  const grouped = groups(Buffer.from('another-secret').toString('hex'), 2, ' ');
  expect(createSecretMask([secret, 'another-secret'], '*')(`a ${secret} b ${grouped} c`)).toBe('a * b * c');
});

it('takes any number of secrets of any length', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => `sk-shared-beginning-${n}`);
  const masked = createSecretMask([...many, 'x'.repeat(1_000_000)], '*');
  expect(masked(`a ${many[4_321]} b ${'x'.repeat(1_000_000)}`)).toBe('a * b *');
});

function groups(text: string, length: number, between: string): string {
  return (text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join(between);
}

function hex(unit: string): string {
  return unit.charCodeAt(0).toString(16).padStart(2, '0');
}
