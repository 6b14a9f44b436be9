/* `npm run check`: everything that can be checked without starting the server. Exits 1 where anything fails. */
import { runChecks } from './checks.ts';

const { failed } = await runChecks((text) => process.stdout.write(text));
process.exitCode = failed === 0 ? 0 : 1;
