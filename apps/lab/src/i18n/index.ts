import { computed, signal } from "@preact/signals";
import { remember, remembered } from "../ui/memory.js";
import { en, type Words } from "./en.js";
import { zh } from "./zh.js";

export type Language = "en" | "zh";
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", zh: "简体中文" };

const first = (): Language => {
  const saved = remembered("language");
  if (saved === "en" || saved === "zh") return saved;
  return globalThis.navigator?.language.startsWith("zh") ? "zh" : "en";
};

/** The language that the page speaks. */
export const language = signal<Language>(first());

export function speak(next: Language): void {
  language.value = next;
  remember("language", next);
}

/** The page's words in its language. */
export const words = computed<Words>(() => (language.value === "zh" ? zh : en));
