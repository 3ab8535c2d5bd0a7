/**
 * The numbers that every peer computes with: the same float32 bits in every language, because each is
 * an integer hash of its index (the finaliser of MurmurHash3) scaled by a power of two.
 */

/** @param {number} i @param {number} seed @returns {number} an unsigned 32-bit hash */
export function hash(i, seed) {
  let h = (i + Math.imul(seed, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Element `i` of stream `seed`, in [-0.5, 0.5), exact in float32. @param {number} i @param {number} seed */
export const uniformAt = (i, seed) => (hash(i, seed) >>> 8) / 2 ** 24 - 0.5;

/** @param {number} n @param {number} seed @param {number} [scale] a float32 factor @param {number} [shift] */
export function uniform(n, seed, scale = 1, shift = 0) {
  const out = new Float32Array(n);
  const factor = Math.fround(scale);
  for (let i = 0; i < n; i++) out[i] = Math.fround(uniformAt(i, seed) * factor) + shift;
  return out;
}

/** `n` class labels under `classes`. @param {number} n @param {number} seed @param {number} classes */
export function labels(n, seed, classes) {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = hash(i, seed) % classes;
  return out;
}

/** The convolutional network's data: pictures, labels, and weights as PyTorch lays them out. @param {{ batch: number }} size */
export function convNetData({ batch }) {
  return {
    x: uniform(batch * 784, 21, 1, 0.5),
    labels: labels(batch, 22, 10),
    weights: [
      { shape: [8, 1, 3, 3], values: uniform(72, 23, 2 / 3) },
      { shape: [32, 8, 3, 3], values: uniform(2304, 24, 2 / Math.sqrt(72)) },
      { shape: [10, 800], values: uniform(8000, 25, 2 / Math.sqrt(800)) },
    ],
  };
}

/**
 * The 784-H-…-H-10 network's data: inputs, labels, and each layer's weights, row-major [inputs, outputs].
 * @param {{ hidden: number; batch: number; layers?: number }} size `layers`: of H units, 2 unless given
 */
export function networkData({ hidden, batch, layers = 2 }) {
  const sizes = [784, ...Array(layers).fill(hidden), 10];
  return {
    sizes,
    x: uniform(batch * 784, 11, 1, 0.5),
    labels: labels(batch, 12, 10),
    weights: sizes.slice(1).map((size, l) => uniform(sizes[l] * size, 13 + l, 2 / Math.sqrt(sizes[l]))),
  };
}
