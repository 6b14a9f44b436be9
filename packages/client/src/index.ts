export * from './errors/errors.ts';
export type * from './stream/contract.ts';
export type * from './types/chat.ts';
