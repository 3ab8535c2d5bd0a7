import type { Tensor } from "../tensor/tensor.js";

/** A point on the line x + t d that a search goes along. */
export interface LinePoint {
  /** How far along the direction. */
  readonly t: number;
  /** The function's value f. */
  readonly value: number;
  /** The derivative along the direction, ∇f · d. */
  readonly slope: number;
  /** ∇f, flat. */
  readonly gradient: Tensor;
}

export interface LineSearchOptions {
  /** The first t to try. */
  readonly firstStep: number;
  /** An interval shorter than this is not divided any further. */
  readonly shortest: number;
  /** After the first try, at most this many more. */
  readonly mostTries: number;
}

/** Sufficient decrease: the share of the decrease that the first slope promises. */
const C1 = 1e-4;
/** Curvature: the share of the first slope that may be left. */
const C2 = 0.9;

/**
 * A step t along a direction of descent that fulfils the strong Wolfe conditions
 *
 * f(t) ≤ f(0) + c₁ t f′(0)  and  |f′(t)| ≤ c₂ |f′(0)|,  c₁ = 1e-4, c₂ = 0.9
 *
 * First steps of growing length look for an interval that holds such a point; then the interval is made smaller, each
 * time at the minimum of the cubic through both ends. Gives the lowest end if the tries run out.
 *
 * Source: J. Nocedal, S. J. Wright, "Numerical Optimization" (2006), algorithms 3.5 and 3.6, with the safeguards of
 * M. Schmidt's minFunc and the decisions of `torch.optim.LBFGS`.
 *
 * @param evaluate - the function at x + t d
 * @param start - the point at t = 0, with a slope below 0
 */
export function strongWolfe(
  evaluate: (t: number) => LinePoint,
  start: LinePoint,
  { firstStep, shortest, mostTries }: LineSearchOptions,
): LinePoint {
  const tooHigh = ({ t, value }: LinePoint) => value > start.value + C1 * t * start.slope;
  const flatEnough = ({ slope }: LinePoint) => Math.abs(slope) <= -C2 * start.slope;

  let tries = 0;
  let previous = start;
  let point = evaluate(firstStep);
  while (tries < mostTries) {
    if (tooHigh(point) || (tries > 1 && point.value >= previous.value)) break;
    if (flatEnough(point)) return point;
    if (point.slope >= 0) break;
    const next = cubicMinimum(previous, point, point.t + 0.01 * (point.t - previous.t), 10 * point.t);
    previous = point;
    point = evaluate(next);
    tries++;
  }
  if (tries >= mostTries) return start.value <= point.value ? start : point;

  const ends: [LinePoint, LinePoint] = [previous, point];
  const lowerEnd = (): 0 | 1 => (ends[0].value <= ends[1].value ? 0 : 1);
  let low = lowerEnd();
  let nearEdge = false;
  for (; tries < mostTries; tries++) {
    const [left, right] = [Math.min(ends[0].t, ends[1].t), Math.max(ends[0].t, ends[1].t)];
    if (right - left < shortest) break;
    let t = cubicMinimum(ends[0], ends[1], left, right);
    // A try that falls within a tenth of an end divides hardly anything: the second in a row is moved inwards.
    const margin = 0.1 * (right - left);
    if (Math.min(right - t, t - left) < margin) {
      if (nearEdge || t >= right || t <= left) {
        t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin;
        nearEdge = false;
      } else nearEdge = true;
    } else nearEdge = false;

    point = evaluate(t);
    const high = low === 0 ? 1 : 0;
    if (tooHigh(point) || point.value >= ends[low].value) {
      ends[high] = point;
      low = lowerEnd();
      continue;
    }
    if (flatEnough(point)) return point;
    // The minimum lies between the new point and the end that the slope points to.
    if (point.slope * (ends[high].t - ends[low].t) >= 0) ends[high] = ends[low];
    ends[low] = point;
  }
  return ends[low];
}

/** Where the cubic with these values and slopes at a and b has its minimum, kept within bounds; their middle if nowhere. */
function cubicMinimum(a: LinePoint, b: LinePoint, least: number, most: number): number {
  const [left, right] = a.t <= b.t ? [a, b] : [b, a];
  const d1 = left.slope + right.slope - (3 * (left.value - right.value)) / (left.t - right.t);
  const d2Square = d1 * d1 - left.slope * right.slope;
  if (!(d2Square >= 0)) return (least + most) / 2;
  const d2 = Math.sqrt(d2Square);
  const share = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2);
  return Math.min(Math.max(right.t - (right.t - left.t) * share, least), most);
}
