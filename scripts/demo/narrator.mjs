import path from 'node:path';
import { runProcess } from '../../test/support/process.ts';
import { root } from '../support/installation.mjs';
import { bold, cyan, dim, green, indent, red } from '../support/terminal.mjs';

const COMMAND_TIMEOUT_MS = 120_000;

/** Tells the story: numbered chapters, commands with what they answer, and claims that are checked. */
export class Narrator {
  #chapter = 0;
  #claims = { kept: 0, broken: [] };
  #env;
  #folder;

  /** `env` is the whole environment of every command; paths are shown as seen from `folder`. */
  constructor({ env, folder }) {
    this.#env = env;
    this.#folder = folder;
  }

  chapter(title, sentence) {
    this.#chapter += 1;
    console.log(`\n${bold(`${this.#chapter}. ${title}`)}\n   ${sentence}\n`);
  }

  say(sentence) {
    console.log(`   ${sentence}`);
  }

  /** Prints a file that somebody wrote. */
  file(name, text) {
    console.log(`${dim(`   ${name}`)}\n${indent(text, '     ')}\n`);
  }

  /**
   * Runs a command and shows it with its stdout. `certops` is the built program. With `quiet` the command is
   * not shown, with `expect` another exit code than 0 is right; `env` adds to the environment. Throws with stderr
   * otherwise.
   */
  async run(words, { cwd, quiet = false, expect = [0], input, env = {} } = {}) {
    if (!quiet) console.log(`   ${cyan('$')} ${this.#shorten(words.map(quote).join(' '))}`);
    const [program, ...args] = words;
    const [command, rest] =
      program === 'certops'
        ? [process.execPath, [path.join(root, 'dist/main.js'), ...args]]
        : [program, args];
    const result = await runProcess(command, rest, {
      cwd,
      env: { ...this.#env, ...env },
      timeoutMs: COMMAND_TIMEOUT_MS,
      ...(input === undefined ? {} : { input }),
    });
    if (!expect.includes(result.code)) {
      throw new Error(
        `${words.join(' ')} ended with ${result.code ?? result.signal}:\n${result.stdout}${result.stderr}`,
      );
    }
    if (!quiet && result.stdout.trim() !== '')
      console.log(dim(indent(this.#shorten(result.stdout), '     ')));
    if (!quiet) console.log('');
    return result;
  }

  /** Something that this story says is so; whether it is decides how the demo ends. */
  claim(sentence, isTrue) {
    console.log(`   ${isTrue ? green('✓') : red('✗')} ${sentence}`);
    if (isTrue) this.#claims.kept += 1;
    else this.#claims.broken.push(sentence);
  }

  #shorten(text) {
    return text.replaceAll(`${this.#folder}/`, '');
  }

  /** The last words. Returns the exit code. */
  finish() {
    const { kept, broken } = this.#claims;
    if (broken.length === 0) {
      console.log(`\n${bold(green(`All ${kept} claims of this demo were checked and are true.`))}`);
      return 0;
    }
    console.log(`\n${bold(red(`${broken.length} of ${kept + broken.length} claims did not hold:`))}`);
    for (const sentence of broken) console.log(red(`   ${sentence}`));
    return 1;
  }
}

/** As one would type it: quotes only where the shell needs them. */
function quote(word) {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word}'`;
}
