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
    .action(async (file: string) => {
      await guarded(environment, () => runApplication(file, environment))
      // The user's module may hold the process: an interval, a server. The application is closed, so it is over.
      environment.process.exit()
    })
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
  process.stdout.write(`${(await topologyOf(file, topology)).describe().trimEnd()}\n`)
}

async function guarded({ process }: Environment, command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    process.stderr.write(`${failureLine(error)}\n`)
    process.exitCode = 1
  }
}
