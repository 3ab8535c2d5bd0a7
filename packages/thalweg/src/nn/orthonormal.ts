/**
 * The orthonormal factor of a QR decomposition with a positive diagonal in R, by Householder reflections in float64; of
 * the transpose if the matrix is wide, so that it is the shorter side's vectors that are orthonormal.
 *
 * @param values - [rows, columns], row by row
 * @returns [rows, columns]
 */
export function orthonormal(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const wide = rows < columns;
  const [n, m] = wide ? [columns, rows] : [rows, columns];
  // Column by column, m columns of length n: each is contiguous.
  const a = Float64Array.from({ length: n * m }, (_, i) => {
    const [column, row] = [Math.floor(i / n), i % n];
    return wide ? values[column * n + row]! : values[row * m + column]!;
  });
  const dot = (x: Float64Array, y: Float64Array, from: number): number => {
    let sum = 0;
    for (let i = from; i < n; i++) sum += x[i]! * y[i]!;
    return sum;
  };
  const columnsOf = (matrix: Float64Array) => Array.from({ length: m }, (_, j) => matrix.subarray(j * n, (j + 1) * n));
  const work = columnsOf(a);
  const mirrors: Float64Array[] = [];
  const signs: number[] = [];
  work.forEach((column, j) => {
    const length = Math.sqrt(dot(column, column, j));
    const mirror = new Float64Array(n);
    mirror.set(column.subarray(j), j);
    // The diagonal of R is -sign(head) · length, whose sign Q takes over in the end.
    const sign = column[j]! > 0 ? -1 : 1;
    signs.push(sign);
    mirror[j]! -= sign * length;
    mirrors.push(mirror);
    for (let k = j; k < m; k++) reflect(work[k]!, mirror, j);
  });
  const q = columnsOf(new Float64Array(n * m));
  q.forEach((column, j) => {
    column[j] = signs[j]!;
    for (let k = m - 1; k >= 0; k--) reflect(column, mirrors[k]!, k);
  });
  return Float64Array.from({ length: n * m }, (_, i) =>
    wide ? q[Math.floor(i / n)]![i % n]! : q[i % m]![Math.floor(i / m)]!,
  );

  /** x - 2 v (v·x) / (v·v), of which v is zero before `from`. */
  function reflect(x: Float64Array, v: Float64Array, from: number): void {
    const square = dot(v, v, from);
    if (square === 0) return;
    const factor = (2 * dot(v, x, from)) / square;
    for (let i = from; i < n; i++) x[i]! -= factor * v[i]!;
  }
}
