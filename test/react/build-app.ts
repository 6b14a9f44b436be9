import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** The script of the page, with React's checks for developers: strict mode mounts everything twice. */
export async function buildApp(): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('./app.ts', import.meta.url)),
    platform: 'browser',
    // The directive of `tailrace/react` is for servers that render.
    onLog: (level, log, report) => {
      if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
    },
    resolve: { conditionNames: ['tailrace-source', 'browser', 'import', 'default'] },
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
  });
  try {
    const { output } = await bundle.generate({ format: 'es', codeSplitting: false });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
