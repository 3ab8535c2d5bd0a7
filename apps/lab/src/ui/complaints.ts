/** What is wrong with a formula or an option, in a sentence or two. */
import { words } from "../i18n/index.js";
import type { Complaint } from "../worker/protocol.js";

export function saidOf({ reason, what, at }: Complaint): string {
  const { complaints, at: place } = words.value;
  const said = complaints[reason];
  const sentence = typeof said === "string" ? said : said(what);
  return at === null ? sentence : `${sentence} ${place(at)}`;
}
