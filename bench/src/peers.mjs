/** Which peers there are, how a process of each is started, and how to get those that are not there. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const peersFolder = fileURLToPath(new URL("../peers/", import.meta.url));
const node24 = `${peersFolder}node_modules/node/bin/node`;
const INSTALL = "npm run bench:install";

/**
 * @typedef {"thalweg" | "wide" | "pytorch" | "tfjs" | "jax" | "copy"} PeerName
 * @typedef {{ name: PeerName; title: string; command: string; args: string[]; version: string }} Peer
 * @typedef {{ name: PeerName; title: string; reason: string; get: string }} Missing
 */

/** Every peer: what to run, and how to get it. */
export function peerSpecs({ oneNode = false } = {}) {
  const newer = existsSync(node24) ? node24 : process.execPath;
  const node = oneNode ? newer : process.execPath;
  const python = process.env.PYTHON ?? "python3";
  return /** @type {const} */ ([
    { name: "thalweg", title: "Thalweg", command: node, args: ["thalweg.mjs"], get: "npm run build" },
    // Vectors of 256 bits need the newer Node.
    { name: "wide", title: "Thalweg, 256 bits", command: newer, args: ["thalweg.mjs", "wide"], get: INSTALL },
    {
      name: "pytorch",
      title: "PyTorch",
      command: python,
      args: ["torch_peer.py"],
      get: "pip install torch numpy, and name its interpreter in the variable PYTHON",
    },
    { name: "tfjs", title: "TensorFlow.js wasm", command: node, args: ["tfjs.mjs"], get: INSTALL },
    // jax-js needs a newer Node than we do (22 or up).
    { name: "jax", title: "jax-js", command: newer, args: ["jax.mjs"], get: INSTALL },
    { name: "copy", title: "memory", command: node, args: ["copy.mjs"], get: "" },
  ]);
}

/** Starts each peer once and asks its version. @returns {Promise<{ there: Peer[]; missing: Missing[] }>} */
export async function findPeers(names, options) {
  const there = [];
  const missing = [];
  for (const spec of peerSpecs(options)) {
    if (spec.name !== "copy" && names && !names.includes(spec.name)) continue;
    const process = new PeerProcess(spec);
    try {
      there.push({ ...spec, version: (await process.ask({ do: "hello" })).version });
    } catch (error) {
      missing.push({ ...spec, reason: error.message });
    }
    process.stop();
  }
  return { there, missing };
}

export const nodeVersion = (command) =>
  execFileSync(command, ["-p", 'process.version + " (V8 " + process.versions.v8 + ")"'], { encoding: "utf8" }).trim();

/** A peer's process: one question at a time, each a line of JSON, and one line back. */
export class PeerProcess {
  /** @param {{ command: string; args: readonly string[] }} peer @param {Record<string, string>} [env] */
  constructor(peer, env = {}) {
    this.child = spawn(peer.command, peer.args, { cwd: peersFolder, env: { ...process.env, ...env } });
    this.errors = "";
    this.child.stderr.on("data", (chunk) => {
      this.errors = (this.errors + chunk).slice(-4000);
    });
    this.child.stdin.on("error", () => {}); // Told by the exit instead.
    this.gone = new Promise((resolve) => {
      this.child.on("error", (error) => resolve(error.message));
      this.child.on("close", (code) => resolve(this.lastError() ?? `its process ended (${code})`));
    });
    /** @type {(line: string) => void} */
    this.receive = () => {};
    createInterface({ input: this.child.stdout }).on("line", (line) => line.startsWith("{") && this.receive(line));
  }

  lastError() {
    const lines = this.errors.trim().split("\n");
    return lines.findLast((line) => /(error|cannot)/i.test(line))?.trim();
  }

  /** @param {Record<string, unknown>} message @returns {Promise<any>} */
  async ask(message) {
    const line = new Promise((resolve) => {
      this.receive = resolve;
    });
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const answer = await Promise.race([line, this.gone.then((reason) => ({ reason }))]);
    if (typeof answer !== "string") throw new Error(answer.reason);
    const parsed = JSON.parse(answer);
    if (parsed.error) throw new Error(parsed.error);
    return parsed;
  }

  stop() {
    this.child.stdin.end();
    this.child.kill();
  }
}
