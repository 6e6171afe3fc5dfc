/**
 * The commands of `millrace`, and what they share: an error is one coded line on standard error and exit code 1.
 */
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { StreamError } from '../base/errors.ts'
import { loadApplication, topologyOf } from './application.ts'
import type { Environment } from './environment.ts'
import { failureLine } from './failure-line.ts'
import { runApplication } from './run.ts'

export function createProgram(environment: Environment): Command {
  const program = new Command('millrace').description('Stream processing with the log in the box').version(version())
  program
    .command('run')
    .description('run an application until it is stopped')
    .argument('<file>', 'a module with export default { topology, config }')
    .action((file: string) => guarded(file, environment, () => runApplication(file, environment)))
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
  await new Promise<void>((resolve) => process.stdout.write(`${text}\n`, () => resolve()))
}

/**
 * Ends the process too: the user's module may hold it by an interval or a server, and the command is over. Where nothing holds
 * it while the command waits, the file waits for what never comes, and Node would end without a word.
 */
async function guarded(file: string, { process }: Environment, command: () => Promise<void>): Promise<void> {
  const fail = (error: unknown): void => {
    process.stderr.write(`${failureLine(error)}\n`)
    process.exitCode = 1
  }
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
