/** How matrix products are cut for threads. */
import { type MatmulKernel, matmulLoops, matmulSizes } from "../kernels/kernel.js";
import { sharing, timeOf, worthSharing } from "./time.js";

/** Bands are whole panels, whatever the tiles. */
const PANEL = 16;
/** Bands are at least so wide. */
const NARROWEST = 32;

/**
 * A product in bands of columns, where that is better for threads. A part of r rows and c columns packs r + c elements for each
 * step of k, and computes r · c products: so parts should be square, and many rows must not stand against few columns, nor the
 * other way round.
 */
export function inBands(kernel: MatmulKernel): MatmulKernel {
  const { rows, n } = matmulSizes(kernel);
  const time = timeOf(kernel);
  if (!worthSharing(time) || rowsOfOne(kernel) < rows) return kernel;
  const parts = partsOf(time);
  let best = { band: n, copied: Number.POSITIVE_INFINITY };
  for (let bands = 1; bands <= parts; bands++) {
    const band = bands === 1 ? n : Math.ceil(n / bands / PANEL) * PANEL;
    if (band < n && band < NARROWEST) break;
    const there = Math.ceil(n / band);
    const cuts = Math.ceil(rows / rowsOfPart(rows, Math.ceil(parts / there)));
    // Too few parts leave threads without work.
    const missing = Math.max(1, parts / (cuts * there));
    const copied = (there * rows + cuts * n) * missing;
    if (copied < best.copied) best = { band, copied };
  }
  return best.band === n ? kernel : { ...kernel, band: best.band };
}

/** How many entries of its range a part of a product has, and at what multiples a part must end. */
export function rowsTogether(kernel: MatmulKernel): { chunk: number; period: number } {
  const { rows, bands } = matmulSizes(kernel);
  const matrix = rowsOfOne(kernel);
  // Small matrices stay whole.
  if (matrix < rows && matrix < 128) {
    const least = matrix * Math.ceil(8 / matrix);
    const parts = Math.min(sharing.most, Math.floor(timeOf(kernel) / sharing.part));
    return { chunk: Math.ceil(rows / Math.max(2, parts) / least) * least, period: rows };
  }
  return { chunk: rowsOfPart(rows, Math.ceil(partsOf(timeOf(kernel)) / bands)), period: rows };
}

/**
 * How many parts a product makes. Each packs what it reads for itself, so they are larger than those of other kernels; above
 * 16, which keep eight threads busy, only very large ones count.
 */
const partsOf = (time: number): number =>
  Math.max(2, Math.min(16, Math.floor(time / 80_000)), Math.min(64, Math.floor(time / 2e6)));

/** Rows of one of so many parts: whole tiles, and not too few. */
const rowsOfPart = (rows: number, parts: number): number => Math.max(8, Math.ceil(rows / parts / 4) * 4);

/** Rows of one matrix. */
function rowsOfOne(kernel: MatmulKernel): number {
  const { rows, columns } = matmulLoops(kernel);
  return kernel.loops.slice(rows, columns).reduce((a, b) => a * b, 1);
}
