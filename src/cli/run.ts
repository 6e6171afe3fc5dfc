/**
 * `millrace run`: starts the application of a file, shows how it does, and closes it cleanly on SIGINT or SIGTERM (exit code
 * 130 or 143). A second signal does not wait: whatever is killed, nothing is lost.
 */
import { deferred } from '../base/deferred.ts'
import { Streams } from '../runtime/streams.ts'
import { configOf, loadApplication, topologyOf } from './application.ts'
import { createDisplay, type Display } from './display.ts'
import type { Environment } from './environment.ts'

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
type StopSignal = keyof typeof exitCodes

/** How often the display is told how far the application is: a terminal is looked at, a file is kept short. */
const liveEveryMs = 200
const linesEveryMs = 10_000
