import { defineConfig, type Plugin } from "vite";

/** Writes the service worker: every file of the build is kept, so that the page works without a network. */
function offline(): Plugin {
  return {
    name: "offline",
    apply: "build",
    generateBundle(_, bundle) {
      const files = Object.keys(bundle).filter((name) => !name.endsWith(".map"));
      // KaTeX names its fonts in three formats; every browser takes the first.
      const kept = files.filter((name) => !/\.(ttf|woff)$/.test(name));
      const assets = [
        "./",
        "./icon.svg",
        "./manifest.webmanifest",
        ...kept.filter((f) => f !== "index.html").map((f) => `./${f}`),
      ];
      let hash = 5381;
      for (const c of assets.join()) hash = (Math.imul(hash, 33) ^ c.charCodeAt(0)) >>> 0;
      this.emitFile({
        type: "asset",
        fileName: "sw.js",
        source: `const NAME = "lab-${hash.toString(36)}";
const FILES = ${JSON.stringify(assets)};
addEventListener("install", (event) => event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((n) => n !== NAME).map((n) => caches.delete(n)))).then(() => clients.claim())));
addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(caches.match(event.request, { ignoreSearch: true }).then((found) => found ?? fetch(event.request)));
});
`,
      });
    },
  };
}

export default defineConfig({
  base: "./",
  build: { outDir: "dist/site", target: "es2022", chunkSizeWarningLimit: 700, assetsInlineLimit: 0 },
  worker: { format: "es" },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  plugins: [offline()],
});
