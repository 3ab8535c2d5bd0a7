/** Round numbers along an axis. */

/** Multiples of 1, 2 or 5 times a power of ten between two values, about so many at most. */
export function roundMarks(from: number, to: number, most: number): number[] {
  const least = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const stride = power * ([1, 2, 5, 10].find((step) => step * power >= least) ?? 10);
  const marks: number[] = [];
  for (let i = Math.ceil(from / stride); i * stride <= to; i++) marks.push(Number((i * stride).toPrecision(10)));
  return marks;
}

/** Powers of ten between two values, at most about six of them. */
export function decades(from: number, to: number): number[] {
  const first = Math.ceil(Math.log10(from) - 1e-9);
  const last = Math.floor(Math.log10(to) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first) / 5));
  return Array.from({ length: Math.floor((last - first) / stride) + 1 }, (_, i) => Number(`1e${first + i * stride}`));
}
