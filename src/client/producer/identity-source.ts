/**
 * The producer's id and epoch, and how it gets new ones.
 */
import { codeToName } from '../../protocol/error-codes.ts'
import type { Caller } from '../caller.ts'
import type { Coordinator } from '../coordinator.ts'
import type { Identity } from './pending-batch.ts'

const none: Identity = Object.freeze({ producerId: -1, epoch: -1 })

export class IdentitySource {
  current: Identity = none
  readonly #caller: Caller
  readonly #transactionalId: string | null
  readonly #transactionTimeoutMs: number
  readonly #coordinator: Coordinator | null

  constructor(
    caller: Caller,
    transactionalId: string | null,
    transactionTimeoutMs: number,
    coordinator: Coordinator | null,
  ) {
    this.#caller = caller
    this.#transactionalId = transactionalId
    this.#transactionTimeoutMs = transactionTimeoutMs
    this.#coordinator = coordinator
  }

  get known(): boolean {
    return this.current.producerId >= 0
  }

  /** A first identity, or one that follows the current one: the epoch rises and sequences begin at 0. */
  async renew(how: 'fresh' | 'bump'): Promise<void> {
    const { producerId, epoch } = how === 'fresh' ? none : this.current
    const body = {
      transactionalId: this.#transactionalId,
      transactionTimeoutMs: this.#transactionTimeoutMs,
      producerId,
      producerEpoch: epoch,
    }
    const options = {
      codeOf: (response: { readonly errorCode: number }): number => response.errorCode,
      // An open transaction of this id is being ended first.
      again: (code: number): boolean => codeToName(code) === 'CONCURRENT_TRANSACTIONS',
      what: `get a producer id${this.#transactionalId === null ? '' : ` for ${this.#transactionalId}`}`,
    }
    const response =
      this.#coordinator === null
        ? await this.#caller.call('InitProducerId', body, options)
        : await this.#coordinator.call('InitProducerId', body, options)
    this.current = Object.freeze({ producerId: response.producerId, epoch: response.producerEpoch })
  }
}
