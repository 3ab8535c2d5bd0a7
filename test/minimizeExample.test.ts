import process from "node:process";
import { expect, test, vi } from "vitest";

test("examples/minimize.ts: a line search and RMSprop reach the minimum, too high a learning rate does not", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await import("../examples/minimize.js");
    const printed = write.mock.calls.map(([text]) => String(text)).join("");
    expect(printed).toMatch(/L-BFGS \(the default\) +1\.0000 +1\.0000 +\d\.\de-\d+ +\d\d {3}gradient\n/);
    expect(printed).toMatch(/RMSprop +0\.9\d\d\d +0\.9\d\d\d .* 3000 {3}steps\n/);
    expect(printed).toMatch(/SGD, momentum 0\.9 +0\.99\d\d +0\.99\d\d .* 3000 {3}steps\n/);
    expect(printed).toMatch(/SGD, too fast +-1\.2000 +1\.0000 .* {3}not finite\n/);
  } finally {
    write.mockRestore();
  }
});
