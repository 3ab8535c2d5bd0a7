/** A formula, set by KaTeX. */
import katex from "katex";
import { useMemo } from "preact/hooks";

export function Maths({ tex, block = false }: { readonly tex: string; readonly block?: boolean }) {
  const html = useMemo(
    // In a line, so that a long one breaks where a person would break it; fractions are as large as in a display all the same.
    () => katex.renderToString(block ? `\\displaystyle ${tex}` : tex, { throwOnError: false, output: "htmlAndMathml" }),
    [tex, block],
  );
  // KaTeX escapes what it is given; its output is markup of its own.
  // The only way to show what KaTeX renders.
  // A line that is wider than the page is scrolled, by keys as well.
  const reach = block ? { tabIndex: 0 } : {};
  return <span class={block ? "maths block" : "maths"} {...reach} dangerouslySetInnerHTML={{ __html: html }} />;
}
