export { createPairHold as createTextHold, type PairHold as TextHold } from '../../domain/pair-hold.ts';
