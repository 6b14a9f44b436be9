/**
 * Fields of a request to the default model: its text goes on until `max_tokens`. The two tokens that end a text are forbidden, because a
 * text that is drawn may otherwise end before a test has done to it what it wants to do.
 */
export const endlessText = { logit_bias: { 0: -100, 2: -100 } } as const;
