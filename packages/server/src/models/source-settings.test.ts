import { describe, expect, it } from 'vitest';
import { indexInHelp } from './default-index.ts';
import { netrcEntry } from './netrc.ts';
import { pipConfigFiles } from './pip-config.ts';
import { modelSourceSettings } from './source-settings.ts';

const linux = { platform: 'linux', homeDir: '/home/u' } as const;

describe('pip’s configuration', () => {
  it('is read from global, user and site files in this order, and from the named file instead of the user’s', () => {
    expect(pipConfigFiles({ VIRTUAL_ENV: '/v' }, linux)).toEqual([
      '/etc/xdg/pip/pip.conf',
      '/etc/pip.conf',
      '/home/u/.pip/pip.conf',
      '/home/u/.config/pip/pip.conf',
      '/v/pip.conf',
    ]);
    expect(pipConfigFiles({ PIP_CONFIG_FILE: '/my.conf' }, linux)).toEqual([
      '/etc/xdg/pip/pip.conf',
      '/etc/pip.conf',
      '/my.conf',
    ]);
    expect(pipConfigFiles({ PIP_CONFIG_FILE: '/dev/null' }, linux)).toEqual([]);
  });

  it('gives precedence to the environment over files, later files over earlier ones, a command’s section over the global one', () => {
    const early = '[global]\nindex-url = https://early.test/simple\ncert = /early.pem\n';
    const late =
      '# a comment\n[global]\nindex_url: https://late.test/simple\nextra-index-url =\n    https://a.test/s\n    https://b.test/s\n';
    const command = '[download]\nindex-url = https://download.test/simple\n[global]\nno-index = false\n';
    const from = (env: Record<string, string>, files: string[]) =>
      modelSourceSettings(env, linux, files).pythonIndex;
    expect(from({}, [early, late])).toMatchObject({
      indexUrl: 'https://late.test/simple',
      extraIndexUrls: ['https://a.test/s', 'https://b.test/s'],
      noIndex: false,
    });
    expect(from({}, [command, late]).indexUrl).toBe('https://download.test/simple');
    expect(from({ PIP_INDEX_URL: 'https://env.test/' }, [command, late]).indexUrl).toBe('https://env.test/');
    expect(from({}, [early]).network.caFiles).toEqual(['/early.pem']);
  });

  it('has no index where none is configured: Python gives the default', () => {
    expect(modelSourceSettings({}, linux, []).pythonIndex).toMatchObject({
      extraIndexUrls: [],
      findLinks: [],
      noIndex: false,
    });
    expect(modelSourceSettings({}, linux, []).pythonIndex.indexUrl).toBeUndefined();
  });

  it('is replaced by uv’s where pip has none', () => {
    const { pythonIndex } = modelSourceSettings(
      { UV_DEFAULT_INDEX: 'corp=https://uv.test/simple', UV_INDEX: 'https://x.test/s' },
      linux,
      [],
    );
    expect(pythonIndex).toMatchObject({
      indexUrl: 'https://uv.test/simple',
      extraIndexUrls: ['https://x.test/s'],
    });
  });
});

it('reads proxy variables in upper and lower case, and uses pip’s own proxy for the index only', () => {
  const settings = modelSourceSettings(
    { https_proxy: 'proxy.test:3128', NO_PROXY: 'x', PIP_PROXY: 'http://pip.test:1' },
    linux,
    [],
  );
  expect(settings.huggingFace.network).toMatchObject({
    httpsProxy: 'http://proxy.test:3128',
    httpProxy: '',
    noProxy: 'x',
  });
  expect(settings.pythonIndex.network).toMatchObject({
    httpsProxy: 'http://pip.test:1',
    httpProxy: 'http://pip.test:1',
  });
});

it('finds a host’s entry in a netrc file, else the default one', () => {
  const text =
    '# hi\nmachine a.test\n  login joe\n  password "p \\"q\\""\nmacdef init\n machine b.test login evil\n\nmachine b.test login b password c\ndefault login d password e\n';
  expect(netrcEntry(text, 'a.test')).toEqual({ user: 'joe', password: 'p "q"' });
  expect(netrcEntry(text, 'b.test')).toEqual({ user: 'b', password: 'c' });
  expect(netrcEntry(text, 'c.test')).toEqual({ user: 'd', password: 'e' });
  expect(netrcEntry('machine a.test login x', 'c.test')).toBeUndefined();
});

it('reads the default index from pip’s help, with and without line breaks', () => {
  const help = (gap: string) =>
    `  -i, --index-url <url>       Base URL of the Package Index (default${gap}https://index.test/simple). This should point`;
  expect(indexInHelp(help(' '))).toBe('https://index.test/simple');
  expect(indexInHelp(help('\n                              '))).toBe('https://index.test/simple');
  expect(indexInHelp('usage: something else')).toBeUndefined();
});
