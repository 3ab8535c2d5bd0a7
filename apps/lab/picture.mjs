/** Takes the pictures of the lab that the documents show, light and dark: `npm run lab:picture`. */
import { writeFile } from "node:fs/promises";
import { openSite } from "./site.mjs";

const STATE =
  "surface=rosenbrock&start=-1.2,1&turned=-28,46&run=RMSprop,lr:0.01;Adam,lr:0.01;SGD,lr:0.001&selected=0&steps=1000&step=700";

const { url, browser, close } = await openSite();
for (const theme of ["light", "dark"]) {
  const viewport = { width: 1440, height: 800 };
  const page = await browser.newPage({ viewport, colorScheme: theme, locale: "en-US", deviceScaleFactor: 1.5 });
  await page.goto(`${url}#${STATE}`);
  await page.waitForFunction(() => globalThis.lab && !globalThis.lab.computing());
  await page.locator(".chart canvas").first().waitFor();
  await page.waitForTimeout(500);
  const png = (await page.screenshot({ fullPage: true })).toString("base64");
  // WebP is a third of PNG, and the browser is at hand.
  const webp = await page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.86).split(",")[1];
  }, png);
  await writeFile(new URL(`../../docs/lab-${theme}.webp`, import.meta.url), Buffer.from(webp, "base64"));
  await page.close();
}
await close();
