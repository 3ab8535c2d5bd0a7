import { computed, signal } from "@preact/signals";
import { en, type Words } from "./en.js";
import { zh } from "./zh.js";

export type Language = "en" | "zh";
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", zh: "简体中文" };

const remembered = (): Language => {
  const saved = localStorage.getItem("language");
  if (saved === "en" || saved === "zh") return saved;
  return navigator.language.startsWith("zh") ? "zh" : "en";
};

/** The language that the page speaks. */
export const language = signal<Language>(remembered());

export function speak(next: Language): void {
  language.value = next;
  localStorage.setItem("language", next);
}

/** The page's words in its language. */
export const words = computed<Words>(() => (language.value === "zh" ? zh : en));
