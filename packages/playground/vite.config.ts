import { defaultClientConditions, defineConfig } from 'vite';

// `build-page.ts` gives the output folder, and compresses what is built.
export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ['tailrace-source', ...defaultClientConditions] },
  build: {
    target: 'baseline-widely-available',
    // An asset inside of a style sheet would be a `data:` address, which the page's own policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
