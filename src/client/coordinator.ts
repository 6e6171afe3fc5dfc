/**
 * Who coordinates a group or a transactional id. The client asks before its first request to a coordinator, and again
 * when it is told that it moved; a carrier with several brokers learns the way from the same answers.
 */

import type { ApiName, RequestOf, ResponseOf } from '../protocol/api.ts'
import { codeToName } from '../protocol/error-codes.ts'
import type { Caller, CallOptions } from './caller.ts'

const keyTypes = { group: 0, transaction: 1 } as const

export class Coordinator {
  readonly key: string
  readonly #caller: Caller
  readonly #keyType: number
  #known = false

  constructor(caller: Caller, kind: keyof typeof keyTypes, key: string) {
    this.#caller = caller
    this.key = key
    this.#keyType = keyTypes[kind]
  }

  async find(timeoutMs?: number): Promise<void> {
    if (this.#known) return
    await this.#caller.call(
      'FindCoordinator',
      { key: this.key, keyType: this.#keyType, coordinatorKeys: [this.key] },
      {
        codeOf: (response) => response.coordinators[0]?.errorCode ?? response.errorCode,
        detailOf: (response) => response.coordinators[0]?.errorMessage ?? response.errorMessage,
        what: `find the coordinator of ${this.key}`,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      },
    )
    this.#known = true
  }

  /** Looks at an error code: does it say that the coordinator is elsewhere? */
  noticed(code: number): void {
    const name = codeToName(code)
    if (name === 'NOT_COORDINATOR' || name === 'COORDINATOR_NOT_AVAILABLE') this.#known = false
  }

  /** A request to this coordinator, which is looked up first. */
  async call<A extends ApiName>(
    api: A,
    body: RequestOf<A>,
    options: CallOptions<ResponseOf<A>>,
  ): Promise<ResponseOf<A>> {
    await this.find(options.timeoutMs)
    return this.#caller.call(api, body, {
      ...options,
      beforeAgain: async (code) => {
        this.noticed(code)
        await this.find(options.timeoutMs)
        await options.beforeAgain?.(code)
      },
    })
  }
}
