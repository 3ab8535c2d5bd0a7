/** What the browser remembers of the person's choices. Where it may not remember anything, asking throws: then nothing is known. */

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param value - null to forget */
export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // The choice holds as long as the page is open.
  }
}
