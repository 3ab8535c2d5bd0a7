export type Point = readonly [x: number, y: number];

export interface Rectangle {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/**
 * What of a line lies in a rectangle, with gaps (NaN) where it leaves. Liang and Barsky's way: each side cuts the segment's
 * parameter from below or from above.
 */
export function clip(points: readonly Point[], { x, y }: Rectangle): Point[] {
  const kept: Point[] = [];
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1]!;
    const [dx, dy] = [points[i]![0] - ax, points[i]![1] - ay];
    let [from, to] = [0, 1];
    for (const [p, q] of [
      [-dx, ax - x[0]],
      [dx, x[1] - ax],
      [-dy, ay - y[0]],
      [dy, y[1] - ay],
    ] as const) {
      if (p === 0 && q < 0) to = -1;
      else if (p < 0) from = Math.max(from, q / p);
      else if (p > 0) to = Math.min(to, q / p);
    }
    // Comparing with NaN is false, so a segment to a point that is not finite is left out too.
    if (!(from <= to && Number.isFinite(dx + dy))) continue;
    const start: Point = [ax + from * dx, ay + from * dy];
    const last = kept.at(-1);
    if (last === undefined || last[0] !== start[0] || last[1] !== start[1]) {
      if (last !== undefined) kept.push([Number.NaN, Number.NaN]);
      kept.push(start);
    }
    kept.push(to === 1 ? points[i]! : [ax + to * dx, ay + to * dy]);
  }
  return kept;
}
