import { plot } from "@thalweg/plot";
import { fitLine, PYTORCH } from "../line.js";

const run = fitLine();
plot(run.losses, { xLabel: "Epoch", yLabel: "Loss" }).show(document.querySelector("#curve")!);

const body = document.querySelector<HTMLTableSectionElement>("#figures tbody")!;
for (const [name, ours, theirs] of [
  ["loss, first epoch", run.losses[0]!, PYTORCH.first],
  ["loss, last epoch", run.losses[99]!, PYTORCH.last],
  ["w", run.w, PYTORCH.w],
  ["b", run.b, PYTORCH.b],
] as const) {
  const row = body.insertRow();
  for (const text of [name, ours.toFixed(6), theirs.toFixed(6)]) row.insertCell().textContent = text;
}

// For whoever looks with the page's console, and for the test.
Object.assign(globalThis, { run });
