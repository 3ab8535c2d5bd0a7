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
  const program = programOf((own) => {
    code = own;
  });
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    // A reader that has seen enough, such as head, closes the pipe.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return EXIT.ok;
    process.stderr.write(`thalweg: ${messageOf(error)}\n`);
    if (args.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return codeOf(error);
  }
}
