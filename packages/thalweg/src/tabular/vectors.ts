/** The first part of a network for tables: the vectors of categories' values. */
import { Embedding } from "../nn/embedding.js";
import { Module } from "../nn/module.js";
import { zeros } from "../tensor/create.js";
import { cat, narrow } from "../tensor/movement.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Puts learnt vectors in the places of the numbers that name them: [rows, plain + tables] → [rows, plain + Σ sizes].
 *
 * Vectors start at zero, so that a value of which nothing was learnt adds nothing.
 */
export class Vectors extends Module {
  readonly tables: readonly Embedding[];

  /**
   * @param plain - the first numbers of a row, which stay
   * @param sizes - for each number behind them how many vectors there are, and how long they are
   * @param sparseFrom - tables of so many numbers or more keep their gradients as the rows that were touched
   */
  constructor(
    private readonly plain: number,
    sizes: readonly (readonly [vectors: number, size: number])[],
    sparseFrom: number,
  ) {
    super();
    this.tables = sizes.map(
      ([vectors, size]) =>
        new Embedding(vectors, size, { sparse: vectors * size >= sparseFrom, weight: zeros([vectors, size]) }),
    );
  }

  override forward(x: Tensor): Tensor {
    const { plain, tables } = this;
    const [rows] = x.shape as [number];
    const vectors = tables.map((table, i) =>
      table.forward(
        narrow(x, 1, plain + i, 1)
          .reshape([rows])
          .to("int32"),
      ),
    );
    return cat(plain === 0 ? vectors : [narrow(x, 1, 0, plain), ...vectors], 1);
  }

  protected override extraRepr(): string {
    return `plain=${this.plain}`;
  }
}
