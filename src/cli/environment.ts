import type { Machine } from '../base/machine.ts'

/** What a command runs on; a test brings its own. */
export interface Environment {
  readonly machine: Machine
  readonly process: NodeJS.Process
}
