/** The lab as it is built for people, served from this machine, and a browser to look at it. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { serve, startChromium } from "../../../test/page.js";

export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Site {
  readonly url: string;
  /** Where the built files lie. */
  readonly folder: string;
  readonly browser: Browser;
  /** What pages have complained of in the console, and errors that nobody caught. */
  readonly complaints: string[];
  /** An empty page of a visitor of its own, who speaks English unless the options say otherwise. */
  page(options?: Parameters<Browser["newContext"]>[0]): Promise<Page>;
  close(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "lab-"));
  // A test runner's environment would make it a build for tests.
  await promisify(execFile)("npx", ["vite", "build", "--outDir", folder, "--emptyOutDir"], {
    cwd: root,
    env: { ...process.env, NODE_ENV: "production" },
  });
  const server = await serve(folder);
  const browser = await startChromium();
  const complaints: string[] = [];
  return {
    url: server.url,
    folder,
    browser,
    complaints,
    async page(options) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", ...options });
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
      });
      return page;
    },
    async close() {
      await browser.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
