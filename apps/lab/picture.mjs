/** Takes the README's pictures of the lab, docs/pictures/lab.png and lab-dark.png: `npm run lab:picture`. */
import { fileURLToPath } from "node:url";
import { openSite } from "./site.mjs";

/** What the lab begins with, before the paths have reached the minimum. */
const SHOWN = "step=40";
const target = (name) => fileURLToPath(new URL(`../../docs/pictures/${name}.png`, import.meta.url));

const { url, browser, close } = await openSite();
for (const [colorScheme, name] of [
  ["light", "lab"],
  ["dark", "lab-dark"],
]) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme, deviceScaleFactor: 1 });
  await page.goto(`${url}#${SHOWN}`);
  await page.waitForFunction(() => globalThis.lab && !globalThis.lab.computing() && globalThis.lab.tracks().length > 0);
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(1000);
  await page.screenshot({ path: target(name) });
  await page.close();
}
await close();
