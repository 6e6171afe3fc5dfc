import { type Clock, systemClock } from './clock.ts'
import { type Files, systemFiles } from './files.ts'
import { type Random, systemRandom } from './random.ts'

/** What a program asks of the world it runs on; a test brings its own. */
export interface Machine {
  readonly clock: Clock
  readonly files: Files
  readonly random: Random
}

export const systemMachine: Machine = Object.freeze({ clock: systemClock, files: systemFiles, random: systemRandom })
