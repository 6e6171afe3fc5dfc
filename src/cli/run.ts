/**
 * `millrace run`: starts the application of a file, shows how it does, and closes it cleanly on SIGINT or SIGTERM (exit code
 * 130 or 143). A second signal does not wait: whatever is killed, nothing is lost.
 */
import { Streams, type StreamsConfig } from '../runtime/streams.ts'
import type { StreamsListeners } from '../runtime/streams-events.ts'
import { configOf, loadApplication, topologyOf } from './application.ts'
import { createDisplay, type Display } from './display.ts'
import { Drops } from './drops.ts'
import type { Environment } from './environment.ts'

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** How often the display is told how far the application is: a terminal is looked at, a file is kept short. */
const liveEveryMs = 200
const linesEveryMs = 10_000

/** Runs until a signal, which decides the exit code, or an error, which is thrown. */
export async function runApplication(file: string, environment: Environment): Promise<void> {
  const { machine, process } = environment
  const application = await loadApplication(file, machine.files)
  const topology = await topologyOf(file, application.topology)
  const config = configOf(file, application.config)
  const end = new End()
  stopOnSignals(process, end)
  const display = createDisplay(process.stderr)
  const drops = new Drops()
  try {
    await using app = await Streams.start(topology, { ...config, listeners: listenersFor(display, drops, config, end) })
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

/** Why it is to end: a signal, or an error. */
class End {
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal
  #failure: { readonly error: unknown } | null = null

  /** False if it was to end already. */
  stop(): boolean {
    if (this.signal.aborted) return false
    this.#controller.abort()
    return true
  }

  fail(error: unknown): void {
    this.#failure = { error }
    this.#controller.abort()
  }

  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
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
function listenersFor(display: Display, drops: Drops, config: StreamsConfig, end: End): StreamsListeners {
  const own = config.listeners ?? {}
  return {
    state: (event) => {
      display.state(event.to)
      own.state?.(event)
    },
    restore: (event) => {
      display.restore(event)
      own.restore?.(event)
    },
    dropped: (event) => {
      drops.count(event)
      own.dropped?.(event)
    },
    warning: (event) => {
      display.note(event)
      own.warning?.(event)
    },
    error: (event) => {
      end.fail(event)
      own.error?.(event)
    },
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
