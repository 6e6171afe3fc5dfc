import { type Deferred, deferred } from '../../src/base/deferred.ts'
import type { Machine } from '../../src/base/machine.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import type { Connection, LogLease, LogProvider } from '../../src/protocol/connection.ts'

/** What a stalled instance must not be able to do when it wakes: a canary takes the protection away. */
export type Tamper = <A extends ApiName>(api: A, body: RequestOf<A>) => RequestOf<A>

/**
 * A log whose connections can stall: requests and answers wait until `resume`, while the process's loop goes on. That is
 * what a paused process looks like to the broker, heartbeats included.
 */
export class StallingLog implements LogProvider {
  readonly description = 'a log that stalls'
  readonly #inner: LogProvider
  readonly #tamper: Tamper
  #trigger: ApiName | null = null
  #closed: Deferred<void> | null = null
  #stalled = deferred()

  constructor(inner: LogProvider, tamper: Tamper = (_, body) => body) {
    this.#inner = inner
    this.#tamper = tamper
  }

  /** Stalls at the next request of this kind; resolves when it has. */
  stallAt(api: ApiName): Promise<void> {
    this.#trigger = api
    this.#stalled = deferred()
    return this.#stalled.promise
  }

  resume(): void {
    this.#closed?.resolve()
    this.#closed = null
  }

  async acquire(machine?: Machine): Promise<LogLease> {
    const lease = await this.#inner.acquire(machine)
    return {
      directory: lease.directory,
      connect: (clientId) => this.#wrap(lease.connect(clientId)),
      release: () => lease.release(),
    }
  }

  /** Resolves when nothing is stalled. */
  async #opened(): Promise<void> {
    for (let gate = this.#closed; gate !== null; gate = this.#closed) await gate.promise
  }

  #wrap(inner: Connection): Connection {
    const pass = async <A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> => {
      if (this.#trigger === api) {
        this.#trigger = null
        this.#closed = deferred()
        this.#stalled.resolve()
      }
      await this.#opened()
      const answer = await inner.request(api, this.#tamper(api, body))
      await this.#opened()
      return answer
    }
    return { checked: inner.checked, request: pass, close: () => inner.close() }
  }
}
