/**
 * The commands of `millrace`, and what they share: an error is one coded line on standard error and exit code 1; output that
 * nobody reads any more ends a command without a word.
 */
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { StreamError } from '../base/errors.ts'
import { loadApplication, topologyOf } from './application.ts'
import { End } from './end.ts'
import type { Environment } from './environment.ts'
import { failureLine } from './failure-line.ts'
import { watchOutput } from './output.ts'
import { runApplication } from './run.ts'

export function createProgram(environment: Environment): Command {
  const program = new Command('millrace').description('Stream processing with the log in the box').version(version())
  program
    .command('run')
    .description('run an application until it is stopped')
    .argument('<file>', 'a module with export default { topology, config }')
    .action((file: string) => {
      const end = new End()
      return guarded(
        file,
        environment,
        () => runApplication(file, environment, end),
        (error) => (error === null ? end.stop() : end.fail(error)),
      )
    })
  program
    .command('topology')
    .description('print the topology of an application')
    .argument('<file>', 'a module with export default { topology }')
    .action((file: string) => guarded(file, environment, () => printTopology(file, environment)))
  return program
}

function version(): string {
  const manifest = createRequire(import.meta.url)('millrace/package.json') as { readonly version: string }
  return manifest.version
}

async function printTopology(file: string, { machine, process }: Environment): Promise<void> {
  const { topology } = await loadApplication(file, machine.files)
  const text = (await topologyOf(file, topology)).describe().trimEnd()
  await new Promise<void>((resolve) => {
    // Output that is lost ends the command by itself.
    process.stdout.write(`${text}\n`, (error) => {
      if (!error) resolve()
    })
  })
}

/**
 * Ends the process too: the user's module may hold it by an interval or a server, and the command is over. Where nothing holds
 * it while the command waits, the file waits for what never comes, and Node would end without a word. `onLost`: what lost
 * output does instead of ending the process.
 */
async function guarded(
  file: string,
  { process }: Environment,
  command: () => Promise<void>,
  onLost?: (error: StreamError | null) => void,
): Promise<void> {
  const fail = (error: unknown): void => {
    process.stderr.write(`${failureLine(error)}\n`)
    process.exitCode = 1
  }
  const leave = (error: StreamError | null): void => {
    if (error !== null) fail(error)
    process.exit()
  }
  watchOutput(process, onLost ?? leave)
  process.once('beforeExit', () => {
    fail(
      new StreamError(
        'INPUT_INVALID',
        `${file} awaits what never comes; look at its top-level awaits and its topology`,
      ),
    )
    process.exit()
  })
  try {
    await command()
  } catch (error) {
    fail(error)
  }
  process.exit()
}
