/**
 * Requests with a deadline, and again where that may help. What producer, consumer and admin have in common below
 * their own words: each has one caller on its connection, and closing the caller ends whatever still waits.
 *
 * Laws
 *  Q1  an answer that comes after its request timed out is dropped
 *  Q2  after close() nothing waits: requests and pauses end with CLOSED
 */
import type { Clock } from '../base/clock.ts'
import { StreamError } from '../base/errors.ts'
import type { ApiName, RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Connection } from '../protocol/connection.ts'
import { brokerError, isRetriable } from './broker-error.ts'
import { closedError, Retry, type RetryOptions } from './retry.ts'

const retryDefaults = { firstPauseMs: 0, pauseMsMax: 250 }

export interface CallOptions<Response> {
  /** The error code that decides about the whole answer. */
  readonly codeOf: (response: Response) => number
  /** What the broker says about that code, for the message. */
  readonly detailOf?: (response: Response) => string | null
  /** Codes to try again for, besides those that Kafka calls retriable. */
  readonly again?: (code: number) => boolean
  /** Called before another attempt, with the code of the last (-1: no answer came). */
  readonly beforeAgain?: (code: number) => Promise<void>
  /** From the first attempt to the last; default: the caller's. */
  readonly timeoutMs?: number
  /** Of one attempt; default: the caller's. */
  readonly requestTimeoutMs?: number
  /** What is asked, for messages. */
  readonly what: string
}

export class Caller {
  readonly clock: Clock
  readonly checked: boolean
  readonly requestTimeoutMs: number
  readonly #clientId: string
  readonly #connection: Connection
  readonly #abort = new AbortController()
  readonly #waiting = new Set<(error: StreamError) => void>()

  /** `clientId` names the client in messages. */
  constructor(connection: Connection, clock: Clock, requestTimeoutMs: number, clientId: string) {
    this.#clientId = clientId
    this.#connection = connection
    this.clock = clock
    this.checked = connection.checked
    this.requestTimeoutMs = requestTimeoutMs
  }

  get closed(): boolean {
    return this.#abort.signal.aborted
  }

  /** One attempt. Rejects with TIMED_OUT, CLOSED, or what the connection says. */
  request<A extends ApiName>(
    api: A,
    body: RequestOf<A>,
    timeoutMs: number = this.requestTimeoutMs,
  ): Promise<ResponseOf<A>> {
    if (this.closed) return Promise.reject(closedError())
    return new Promise((resolve, reject) => {
      const timer = this.clock.timer(timeoutMs, () => {
        this.#waiting.delete(end)
        reject(
          new StreamError(
            'TIMED_OUT',
            `${this.#clientId}: ${api} had no answer in ${timeoutMs} ms; is the broker there?`,
          ),
        )
      })
      const end = (error: unknown): void => {
        timer.cancel()
        this.#waiting.delete(end)
        reject(error)
      }
      this.#waiting.add(end)
      this.#connection.request(api, body).then((response) => {
        timer.cancel()
        this.#waiting.delete(end)
        resolve(response)
      }, end)
    })
  }

  /** Attempts until one is answered without error. Throws the broker's error, or TIMED_OUT with the last one as cause. */
  async call<A extends ApiName>(
    api: A,
    body: RequestOf<A>,
    options: CallOptions<ResponseOf<A>>,
  ): Promise<ResponseOf<A>> {
    const retry = this.retry(options.timeoutMs ?? this.requestTimeoutMs)
    for (;;) {
      let code = -1
      let error: unknown
      try {
        const response = await this.request(api, body, options.requestTimeoutMs)
        code = options.codeOf(response)
        if (code === 0) return response
        error = brokerError(code, options.what, options.detailOf?.(response))
        if (!isRetriable(code) && options.again?.(code) !== true) throw error
      } catch (thrown) {
        if (thrown === error || !this.isTransient(thrown)) throw thrown
        error = thrown
      }
      await retry.wait(error)
      await options.beforeAgain?.(code)
    }
  }

  /** No answer came, and another attempt may get one: the request may or may not have been carried out. */
  isTransient(error: unknown): boolean {
    if (this.#connection.closed === true) return false
    return StreamError.is(error, 'NET_DISCONNECTED') || StreamError.is(error, 'TIMED_OUT')
  }

  retry(timeoutMs: number, options: Partial<RetryOptions> = {}): Retry {
    return new Retry(this.clock, this.#abort.signal, { ...retryDefaults, ...options, timeoutMs })
  }

  /** Ends early when the caller is closed. */
  pause(delayMs: number): Promise<void> {
    return this.clock.sleep(delayMs, this.#abort.signal)
  }

  /** Q2. The connection stays open: it belongs to whoever made it. */
  close(): void {
    if (this.closed) return
    this.#abort.abort()
    for (const end of [...this.#waiting]) end(closedError())
  }
}
