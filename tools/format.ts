/* `npm run format`: puts the format of every file right, and what the linter can mend by itself. */
import { runNode } from './run.ts';

const { code } = await runNode('node_modules/@biomejs/biome/bin/biome', ['check', '--write', '.'], {
  show: true,
});
process.exitCode = code;
