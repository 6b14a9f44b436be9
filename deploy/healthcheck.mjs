// Ends with 0 where the server of this container answers /livez. Readiness is not asked: a server that drains is healthy.
import { env } from 'node:process';

const port = (env.TAILRACE_LISTEN ?? '127.0.0.1:7245').split(':').at(-1);
try {
  const { ok } = await fetch(`http://127.0.0.1:${port}/livez`, { signal: AbortSignal.timeout(4000) });
  process.exitCode = ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
