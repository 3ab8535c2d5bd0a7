/**
 * The exact least-squares solution β of X β ≈ y, where each row of X ends in a 1 for the intercept: it solves the normal
 * equations XᵀX β = Xᵀy by elimination with pivoting, in plain numbers. Training is measured against it.
 */
export function leastSquares(X: readonly (readonly number[])[], y: readonly number[]): number[] {
  const n = X[0]!.length;
  const rows = Array.from({ length: n }, (_, i) => [
    ...Array.from({ length: n }, (_, j) => X.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    X.reduce((sum, row, k) => sum + row[i]! * y[k]!, 0),
  ]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(rows[k]![i]!) > Math.abs(rows[pivot]![i]!)) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    if (rows[i]![i] === 0)
      throw new Error("leastSquares: the columns depend on each other, so there is no one solution");
    for (let k = i + 1; k < n; k++) {
      const factor = rows[k]![i]! / rows[i]![i]!;
      for (let j = i; j <= n; j++) rows[k]![j]! -= factor * rows[i]![j]!;
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i]![n]!;
    for (let j = i + 1; j < n; j++) rest -= rows[i]![j]! * solution[j]!;
    solution[i] = rest / rows[i]![i]!;
  }
  return solution;
}
