import { StreamError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import type { Connection } from '../../src/protocol/connection.ts'

/** A connection that loses requests, and answers to requests that were carried out, each with this probability. */
export class FaultyConnection implements Connection {
  readonly checked: boolean
  lost = 0
  readonly #inner: Connection
  readonly #random: Random
  readonly #probability: number

  constructor(inner: Connection, random: Random, probability: number) {
    this.#inner = inner
    this.#random = random
    this.#probability = probability
    this.checked = inner.checked
  }

  async request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    const fate = this.#random.next()
    if (fate < this.#probability) this.#lose(api)
    const answer = await this.#inner.request(api, body)
    if (fate < 2 * this.#probability) this.#lose(api)
    return answer
  }

  #lose(api: ApiName): never {
    this.lost++
    throw new StreamError('NET_DISCONNECTED', `${api}: lost on purpose`)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
