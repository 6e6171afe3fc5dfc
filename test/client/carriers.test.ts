import { SeededRandom } from '../../src/base/random.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import { codecConnection } from '../../src/protocol/codec-connection.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { deepFreeze } from '../../src/testing/freeze.ts'
import { clientSuite } from './suite/client-suite.ts'

/** What is handed over is immutable from then on, in both directions: here whoever writes to it gets a TypeError. */
class FreezingConnection implements Connection {
  readonly checked: boolean
  readonly #inner: Connection

  constructor(inner: Connection) {
    this.#inner = inner
    this.checked = inner.checked
  }

  get closed(): boolean {
    return this.#inner.closed === true
  }

  async request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return deepFreeze(await this.#inner.request(api, deepFreeze(body)))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

clientSuite('direct', (broker, clientId) => new FreezingConnection(broker.connect({ clientId })))

const seed = Number(process.env.MILLRACE_SEED ?? 42)
const random = new SeededRandom(seed)

clientSuite(`codec (random versions, seed ${seed})`, (broker, clientId) => {
  const version = (_api: ApiName, min: number, max: number): number => min + random.int(max - min + 1)
  return new FreezingConnection(codecConnection(broker, { clientId, version }))
})
