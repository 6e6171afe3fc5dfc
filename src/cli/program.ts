/**
 * The commands of `millrace`, and what they share: an error is one coded line on standard error and exit code 1.
 */
import { createRequire } from 'node:module'
import { Command } from 'commander'
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
    .action((file: string) => guarded(environment, () => runApplication(file, environment)))
  program
    .command('topology')
    .description('print the topology of an application')
    .argument('<file>', 'a module with export default { topology }')
    .action((file: string) => guarded(environment, () => printTopology(file, environment)))
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

/** Ends the process too: the user's module may hold it by an interval or a server, and the command is over. */
async function guarded({ process }: Environment, command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    process.stderr.write(`${failureLine(error)}\n`)
    process.exitCode = 1
  }
  process.exit()
}
