/*
 * `node tools/services.ts`: the PostgreSQL and the Redis of `npm test`, for those who run single tests. Prints the two
 * variables that tests read, and runs until Ctrl-C; then the servers and their data are gone.
 *
 *     node tools/services.ts --unpacked    from Debian's packages, even where the programs are installed
 */
import { parseArgs } from 'node:util';
import { createReport } from './report.ts';
import { startServices } from './services/start-services.ts';

const { values } = parseArgs({ options: { unpacked: { type: 'boolean', default: false } } });
const report = createReport((text) => process.stderr.write(text));
const { env, stop } = await startServices(report, values);
for (const [variable, url] of Object.entries(env)) process.stdout.write(`export ${variable}=${url}\n`);
if (Object.keys(env).length === 0) process.exit(1);

const running = setInterval(() => {}, 60_000);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    clearInterval(running);
    void stop();
  });
