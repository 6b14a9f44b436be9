import { defaultClientConditions, defineConfig } from 'vite';

// `build-docs.ts` gives inputs and output folder, and reads from the manifest what the files are called.
export default defineConfig({
  root: import.meta.dirname,
  // An export has its files in any folder of any site.
  base: './',
  resolve: { conditions: ['tailrace-source', ...defaultClientConditions] },
  build: {
    target: 'baseline-widely-available',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: false,
    manifest: 'manifest.json',
  },
});
