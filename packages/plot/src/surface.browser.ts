import type { Surface } from "./surface.js";

/** The page draws SVG by itself, so a PNG needs no renderer of ours. */
async function png(svg: string, scale: number): Promise<Uint8Array<ArrayBuffer>> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (blob === null)
      throw new RangeError(`toPNG: ${canvas.width} × ${canvas.height} pixels are too many for this browser`);
    return new Uint8Array(await blob.arrayBuffer());
  } finally {
    URL.revokeObjectURL(url);
  }
}

export const surface: Surface = {
  document: () => document,
  serialize: (svg) => new XMLSerializer().serializeToString(svg),
  show(figure, target = document.body) {
    const { width } = target.getBoundingClientRect();
    target.append(figure.element({ tip: true, ...(width >= 120 ? { width: Math.min(width, 960) } : {}) }));
  },
  write(path, data, type) {
    const url = URL.createObjectURL(new Blob([data], { type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = path.slice(path.lastIndexOf("/") + 1);
    link.click();
    // The download has its own hold on the data once the click is handled.
    setTimeout(() => URL.revokeObjectURL(url));
  },
  png,
};
