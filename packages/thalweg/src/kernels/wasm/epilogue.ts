/** What a matmul stores in the places of its sums. */
import { load } from "../expression.js";
import { type Access, type Expr, type MatmulKernel, matmulSizes } from "../kernel.js";
import type { FunctionBuilder } from "./assembler.js";
import { emitMap } from "./map.js";

/** `epilogue(args, row, rowEnd, column, columnEnd)`: a map over a part of the product, which reads the sums there. */
export function emitEpilogue(kernel: MatmulKernel): FunctionBuilder {
  const { rows, n } = matmulSizes(kernel);
  const access: Access = { ...kernel.c, strides: [n, 1] };
  const { buffers, scalars } = kernel;
  const body = [{ access, value: withSum(kernel.value!, load(access)) }];
  return emitMap({ kind: "map", loops: [rows, n], body, buffers, scalars }, 2);
}

/** An expression with the sum read from memory. Expressions are graphs: what is one object stays one. */
function withSum(root: Expr, sum: Expr): Expr {
  const known = new Map<Expr, Expr>();
  const visit = (expr: Expr): Expr => {
    let made = known.get(expr);
    if (made === undefined) known.set(expr, (made = change(expr)));
    return made;
  };
  const change = (expr: Expr): Expr => {
    if (expr.kind === "folded") return sum;
    if (expr.kind === "apply") return { ...expr, args: expr.args.map(visit) };
    return expr.kind === "gather" ? { ...expr, index: visit(expr.index) } : expr;
  };
  return visit(root);
}
