/** Small pictures for buttons; the buttons say in words what they do. */
const SHAPES = {
  first: "M5 4v16M19 5v14L8 12z",
  back: "M17 5v14L6 12z",
  play: "M7 4v16l13-8z",
  pause: "M7 4h3v16H7zM14 4h3v16h-3z",
  forward: "M7 5v14l11-7z",
  last: "M19 4v16M5 5v14l11-7z",
  look: "M2 12c4-8 16-8 20 0c-4 8-16 8-20 0M12 9a3 3 0 1 0 0.01 0",
  remove: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  whole: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
} as const;

const OUTLINES = new Set<string>(["look", "remove", "plus", "minus", "whole"]);

export function Icon({ name }: { readonly name: keyof typeof SHAPES }) {
  const outline = OUTLINES.has(name);
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" focusable="false">
      <path
        d={SHAPES[name]}
        fill={outline ? "none" : "currentColor"}
        stroke="currentColor"
        stroke-width="2"
        stroke-linejoin="round"
        stroke-linecap="round"
      />
    </svg>
  );
}
