/** The `thalweg` command. */
import process from "node:process";
import { CommanderError } from "commander";
import { codeOf, EXIT, messageOf } from "./exit.js";
import { programOf } from "./program.js";

/**
 * Runs the command.
 *
 * @param args - what was typed behind `thalweg`
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  process.stdout.on("error", onLostOutput);
  process.stderr.on("error", ignore);
  const program = programOf((own) => {
    code = own;
  });
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (isClosedPipe(error)) return EXIT.ok;
    process.stderr.write(`thalweg: ${messageOf(error)}\n`);
    if (args.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return codeOf(error);
  }
}

/** A reader that has seen enough, such as head, closes the pipe. */
const isClosedPipe = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EPIPE";

/** Streams tell of such errors by an event, which ends the process with a stack if nobody listens. */
function onLostOutput(error: Error): never {
  if (isClosedPipe(error)) process.exit(EXIT.ok);
  process.stderr.write(`thalweg: standard output: ${messageOf(error)}\n`);
  process.exit(EXIT.failure);
}

/** Where nobody reads what is said, training goes on. */
function ignore(): void {}
