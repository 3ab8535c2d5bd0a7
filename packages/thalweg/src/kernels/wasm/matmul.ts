export const SCRATCH_BYTES = 2097152;
