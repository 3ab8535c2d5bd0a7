/**
 * A module that Node brings along, or null where there is none (a browser, or a Node older than 20.16). Asked for at run time
 * and not imported, so that bundlers for browsers have nothing to resolve.
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | null {
  const found = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  return (found.process?.getBuiltinModule?.(`node:${name}`) as NodeModules[Name] | undefined) ?? null;
}

/** The modules of Node that parts of Thalweg can use where they are. */
export interface NodeModules {
  fs: typeof import("node:fs");
  "fs/promises": typeof import("node:fs/promises");
  path: typeof import("node:path");
  os: typeof import("node:os");
  process: typeof import("node:process");
  url: typeof import("node:url");
  stream: typeof import("node:stream");
  v8: typeof import("node:v8");
  worker_threads: typeof import("node:worker_threads");
}
