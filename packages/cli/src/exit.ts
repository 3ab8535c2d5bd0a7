/** How the command ends. */
export const EXIT = { ok: 0, failure: 1, usage: 2, data: 3, diverged: 4, interrupted: 130 } as const;

/** The exit codes as help texts show them. */
export const EXIT_HELP = `Exit codes:
  0    done
  1    something failed, such as writing a file
  2    the command was called wrongly
  3    the data cannot be used
  4    training diverged
  130  interrupted; what was trained is saved`;

/** An end that the person at the keyboard can do something about: shown without a stack. */
export class CommandError extends Error {
  override name = "CommandError";
  constructor(
    message: string,
    readonly code: number = EXIT.failure,
  ) {
    super(message);
  }
}

/** Something that a person typed makes no sense. */
export const usage = (message: string): CommandError => new CommandError(message, EXIT.usage);

/** The exit code of an error, by its kind. */
export function codeOf(error: unknown): number {
  if (error instanceof CommandError) return error.code;
  const name = error instanceof Error ? error.name : "";
  if (name === "DataFileError") return EXIT.data;
  if (name === "OptionError") return EXIT.usage;
  return EXIT.failure;
}

/** An error's message, with what a person can do where the system's own word says little. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const of = path === undefined ? "" : ` (${path})`;
  if (code === "ENOSPC" || /ENOSPC/.test(error.message))
    return `${error.message}: there is no room left on the disk${of}`;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return `no permission to write there${of}: ${error.message}`;
  return error.message;
}
