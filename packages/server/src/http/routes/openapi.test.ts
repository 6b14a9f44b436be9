import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../../testing/start-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: 'engine: {enabled: false}' });
});
afterAll(() => app?.stop());

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

/** Without a key; `fetch` would ask for encodings by itself, and undo them. */
function get(headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(`${app.url}/openapi.json`, { method, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(pieces) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('GET /openapi.json', () => {
  it('is the same document plain and compressed, each form with its tag', async () => {
    const plain = await get();
    const br = await get({ 'accept-encoding': 'gzip, br' });
    const gzip = await get({ 'accept-encoding': 'gzip, br;q=0' });
    expect([plain.status, br.status, gzip.status]).toEqual([200, 200, 200]);
    expect([br.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual(['br', 'gzip']);
    expect(brotliDecompressSync(br.bytes).equals(plain.bytes)).toBe(true);
    expect(gunzipSync(gzip.bytes).equals(plain.bytes)).toBe(true);
    expect(new Set([plain, br, gzip].map(({ headers }) => headers['etag'])).size).toBe(3);
    expect(JSON.parse(plain.bytes.toString())).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Tailrace' },
    });
    expect(plain.headers['content-type']).toBe('application/json');
    expect(br.bytes.length).toBeLessThan(plain.bytes.length / 5);
  });

  it('is not sent again to a client that has it', async () => {
    const { headers } = await get();
    const again = await get({ 'if-none-match': String(headers['etag']) });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
  });

  it('answers HEAD without the document', async () => {
    const { status, headers, bytes } = await get({}, 'HEAD');
    expect([status, bytes.length]).toEqual([200, 0]);
    expect(Number(headers['content-length'])).toBeGreaterThan(50_000);
  });
});
