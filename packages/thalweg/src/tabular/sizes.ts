/** Sizes that do well on ordinary tables, by the number of training rows. */
export interface Sizes {
  readonly batchSize: number;
  readonly epochs: number;
  /** Widths of an MLP's hidden layers. */
  readonly hidden: readonly number[];
  readonly dropout: number;
}

/** About forty steps an epoch, and six thousand in all; small tables get small networks with some dropout. */
export function sizesFor(
  rows: number,
  batchSize = Math.min(512, Math.max(16, 2 ** Math.round(Math.log2(rows / 40)))),
): Sizes {
  const perEpoch = Math.ceil(rows / batchSize);
  const width = rows < 1000 ? 32 : 64;
  return {
    batchSize,
    epochs: Math.min(300, Math.max(8, Math.round(6000 / perEpoch))),
    hidden: [width, width],
    dropout: rows < 5000 ? 0.1 : 0,
  };
}
