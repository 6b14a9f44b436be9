export * from './error-table.ts';
export * from './json-text.ts';
export * from './sse.ts';
export * from './stream-grammar.ts';
export type * from './wire-types.ts';
