import { runOnce } from '../support/child.ts';
import { findNginx } from '../support/nginx.ts';
import { createScratch } from '../support/scratch.ts';

const nginx = await findNginx();

/** What nginx says of a block that is a whole configuration, or the part of one inside `http` or `server`; nothing where there is no nginx. */
export async function problemsOfNginx(code: string): Promise<readonly string[]> {
  if (nginx === undefined) return [];
  const scratch = createScratch('nginx-block');
  try {
    const inServer = /^\s*(server|upstream|map|http|events)\b/m.test(code)
      ? code
      : `server {\nlisten 127.0.0.1:8080;\n${code}\n}`;
    const inHttp = /^\s*http\b/m.test(code) ? inServer : `events {}\nhttp {\n${inServer}\n}`;
    // By itself nginx makes these folders and its log where Debian's package has them, also for a test of its configuration.
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${scratch.path}/${name};`)
      .join('\n');
    const placed = inHttp.replace(
      /^\s*http\s*\{/m,
      (begin) => `${begin}\naccess_log ${scratch.path}/access.log;\n${folders}`,
    );
    const file = scratch.write('nginx.conf', `pid ${scratch.path}/nginx.pid;\n${placed}`);
    const tried = await runOnce(nginx, [
      '-t',
      '-q',
      '-p',
      scratch.path,
      '-e',
      `${scratch.path}/error.log`,
      '-c',
      file,
    ]);
    return tried.code === 0 ? [] : [`nginx -t: ${tried.stderr.trim()}`];
  } finally {
    scratch.remove();
  }
}
