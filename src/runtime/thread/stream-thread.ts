import { AssertionError, assert } from '../../base/assert.ts'
import { type ErrorCode, StreamError } from '../../base/errors.ts'
import { topicsExplained } from '../internal-topics.ts'
import { promiseRefused } from '../task/promises.ts'
import type { ThreadServices } from './services.ts'
import { ThreadLife } from './thread-life.ts'

/** What a fresh life helps against: others went on without us, or an answer was lost. */
const newLifeCodes: ReadonlySet<ErrorCode> = new Set([
  'PRODUCER_FENCED',
  'INSTANCE_FENCED',
  'MEMBER_UNKNOWN',
  'TASK_MIGRATED',
  'REBALANCE_IN_PROGRESS',
  'TRANSACTION_ABORTED',
  'TRANSACTION_STATE_INVALID',
  'OUT_OF_ORDER_SEQUENCE',
  'OFFSETS_UNSTABLE',
  'NET_DISCONNECTED',
  'TIMED_OUT',
  'BROKER_UNAVAILABLE',
])

const firstPauseMs = 10
const pauseMsMax = 1000

/**
 * The thread that runs an instance's tasks: life after life, until it is stopped or an error ends it.
 *
 * Law
 *  S1  an assertion ends it, whatever the policy says: our own mistakes are not tried again
 */
export class StreamThread {
  readonly #services: ThreadServices
  readonly #stop = new AbortController()
  #life: ThreadLife | null = null
  #failingSinceMs: number | null = null
  #committedTotal = 0

  constructor(services: ThreadServices) {
    this.#services = services
  }

  /** The life under way, for queries; null between two. */
  get life(): ThreadLife | null {
    return this.#life
  }

  /** Asks it to commit, close, and end. */
  stop(): void {
    this.#stop.abort()
  }

  /** Resolves after a clean stop; rejects with the error that ended it. */
  async run(): Promise<void> {
    const { plan, config, cluster } = this.#services
    let pauseMs = firstPauseMs
    while (!this.#stop.signal.aborted) {
      const life = new ThreadLife(this.#services, this.#stop.signal)
      this.#life = life
      try {
        await life.run()
        return
      } catch (thrown) {
        const error = await topicsExplained(thrown, plan, config.onError, cluster)
        this.#services.events.rebalancing()
        const progressed = this.#hasProgressed()
        // A life that fails at once is followed by longer and longer pauses.
        pauseMs = progressed ? firstPauseMs : Math.min(pauseMsMax, pauseMs * 2)
        const replace = this.#mayGoOn(error, progressed)
        await life.abandon(!replace)
        if (!replace) throw error
        this.#services.events.warning(`the thread begins anew: ${String(error)}`)
      } finally {
        this.#life = null
      }
      await config.machine.clock.sleep(pauseMs, this.#stop.signal)
    }
  }

  /** Shall a fresh life try? Without a commit in between for `taskTimeoutMs`, no more, unless the user says so. */
  #mayGoOn(error: unknown, progressed: boolean): boolean {
    const { config } = this.#services
    if (this.#stop.signal.aborted) return false
    if (AssertionError.is(error)) return false
    if (!StreamError.is(error) || !newLifeCodes.has(error.code)) return this.#askUser(error)
    const nowMs = config.machine.clock.monotonic()
    if (progressed) this.#failingSinceMs = null
    this.#failingSinceMs ??= nowMs
    assert(nowMs >= this.#failingSinceMs, 'the monotonic clock does not go back')
    if (nowMs - this.#failingSinceMs < config.taskTimeoutMs) return true
    this.#failingSinceMs = null
    return this.#askUser(error)
  }

  /** Has anything been committed since it was asked last? */
  #hasProgressed(): boolean {
    const before = this.#committedTotal
    this.#committedTotal = this.#services.metrics.get('commit-total')
    return this.#committedTotal > before
  }

  #askUser(error: unknown): boolean {
    try {
      const answer: unknown = this.#services.config.onUncaughtError(error)
      const refused = promiseRefused(answer, 'onUncaughtError returned a promise; make it synchronous')
      if (refused !== null) throw refused
      return answer === 'replaceThread'
    } catch (failure) {
      this.#services.events.warning(`onUncaughtError has thrown, the instance shuts down: ${String(failure)}`)
      return false
    }
  }
}
