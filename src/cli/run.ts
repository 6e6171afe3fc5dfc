/**
 * `millrace run`: starts the application of a file, shows how it does, and closes it cleanly on SIGINT or SIGTERM (exit code
 * 130 or 143), or when nobody reads its output any more (0). A second signal does not wait: whatever is killed, nothing is lost.
 */
import { resolveConfig } from '../runtime/config.ts'
import { Streams } from '../runtime/streams.ts'
import type { StreamsListeners } from '../runtime/streams-events.ts'
import { configOf, loadApplication, topologyOf } from './application.ts'
import { createDisplay, type Display } from './display.ts'
import { Drops } from './drops.ts'
import type { End } from './end.ts'
import type { Environment } from './environment.ts'

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** How often the display is told how far the application is: a terminal is looked at, a file is kept short. */
const liveEveryMs = 200
const linesEveryMs = 10_000

/** Runs until it is to end: by a signal, which decides the exit code, or an error, which is thrown. */
export async function runApplication(file: string, environment: Environment, end: End): Promise<void> {
  const { machine, process } = environment
  const application = await loadApplication(file, machine.files)
  const topology = await topologyOf(file, application.topology)
  const config = configOf(file, application.config)
  // The user's listeners are called by ours: Streams would see only those.
  const own = resolveConfig(config).listeners
  stopOnSignals(process, end)
  const display = createDisplay(process.stderr)
  const drops = new Drops()
  try {
    await using app = await Streams.start(topology, { ...config, listeners: listenersFor(display, drops, own, end) })
    display.note(`running ${config.applicationId}; stop it with Ctrl-C`)
    while (!end.signal.aborted) {
      tell(app, display, drops)
      await machine.clock.sleep(process.stderr.isTTY ? liveEveryMs : linesEveryMs, end.signal)
    }
    end.throwFailure()
    tell(app, display, drops)
    display.note('closing')
  } finally {
    display.close()
  }
}

function stopOnSignals(process: NodeJS.Process, end: End): void {
  for (const [name, exitCode] of Object.entries(exitCodes)) {
    process.on(name, () => {
      process.exitCode = exitCode
      if (!end.stop()) process.exit()
    })
  }
}

/** The display's listeners, and those of the user's own config. */
function listenersFor(display: Display, drops: Drops, own: StreamsListeners, end: End): StreamsListeners {
  return {
    state: both((event) => display.state(event.to), own.state),
    restore: both((event) => display.restore(event), own.restore),
    dropped: both((event) => drops.count(event), own.dropped),
    warning: both((event) => display.note(event), own.warning),
    error: both((event) => end.fail(event), own.error),
  }
}

/** Hands on what the user's gives back, so that a promise that rejects is told. */
function both<E>(ours: (event: E) => void, own: ((event: E) => void) | undefined): (event: E) => void {
  return (event) => {
    ours(event)
    return own?.(event)
  }
}

/** Tells the display how far the application is, and what was left out since the last time. */
function tell(app: Streams, display: Display, drops: Drops): void {
  let processed = 0
  let behind = 0
  for (const { name, value } of app.metrics()) {
    if (name === 'process-total') processed += value
    else if (name === 'records-lag' || name === 'active-buffer-count') behind += value
  }
  display.input(processed, behind)
  for (const line of drops.take()) display.note(line)
}
