import { where } from "../../tensor/elementwise.js";
import { embedding as rowsOf } from "../../tensor/indexing.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * The rows of a table that int32 indices of any shape name: [...indices, ...row].
 *
 * @param weight - [rows, ...row]
 * @param options - `paddingIdx`: a row that gets no gradient; `sparse`: keep the gradient as rows, see `docs/sparse.md`
 */
export function embedding(
  indices: Tensor,
  weight: Tensor,
  { paddingIdx = null, sparse = false }: { paddingIdx?: number | null | undefined; sparse?: boolean | undefined } = {},
): Tensor {
  const rows = rowsOf(weight, indices, { sparse });
  if (paddingIdx === null) return rows;
  const row = paddingIdx < 0 ? paddingIdx + weight.shape[0]! : paddingIdx;
  const padding = indices.eq(row).reshape([...indices.shape, ...weight.shape.slice(1).map(() => 1)]);
  return where(padding, rows.detach(), rows);
}
