/** Under this name a tab keeps the key by which it has signed in; the docs read it to fill in their examples. */
export const keptKeyName = 'tailrace-key';
