/** Light or dark: what the system says, unless somebody chooses. */
import { signal } from "@preact/signals";
import { remember, remembered } from "./memory.js";

export type Choice = "auto" | "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");
const saved = remembered("theme");

/** What was chosen. */
export const choice = signal<Choice>(saved === "light" || saved === "dark" ? saved : "auto");
/** What is shown. */
export const theme = signal<"light" | "dark">("light");

function apply(): void {
  const shown = choice.value === "auto" ? (system.matches ? "dark" : "light") : choice.value;
  document.documentElement.dataset.theme = shown;
  theme.value = shown;
}

export function choose(next: Choice): void {
  choice.value = next;
  remember("theme", next === "auto" ? null : next);
  apply();
}

system.addEventListener("change", apply);
apply();
