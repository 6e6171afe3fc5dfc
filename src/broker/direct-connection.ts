/**
 * The direct carrier: a typed request goes to its handler, batches by reference, nothing is encoded. It speaks the
 * pinned versions.
 *
 * Laws
 *  D1  an answer comes in a later step of the program, never inside `request`
 *  D2  after `close` every request that waits, and every new one, is NET_DISCONNECTED
 */
import { StreamError } from '../base/errors.ts'
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../protocol/api.ts'
import type { Connection, RequestContext, RequestHandler } from '../protocol/connection.ts'

export class DirectConnection implements Connection {
  readonly checked = true
  readonly #handler: RequestHandler
  readonly #clientId: string
  readonly #connectionId: number
  readonly #waiting = new Set<(error: StreamError) => void>()
  #open = true

  constructor(handler: RequestHandler, clientId: string, connectionId: number) {
    this.#handler = handler
    this.#clientId = clientId
    this.#connectionId = connectionId
  }

  get closed(): boolean {
    return !this.#open
  }

  request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (!this.#open) return reject(disconnected(api))
      const context: RequestContext = {
        clientId: this.#clientId,
        version: apis[api].pinned,
        connectionId: this.#connectionId,
      }
      this.#waiting.add(reject)
      this.#handler.handle(api, body, context).then(
        (answer) => {
          this.#waiting.delete(reject)
          resolve(answer)
        },
        (error) => {
          this.#waiting.delete(reject)
          reject(error)
        },
      )
    })
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    for (const reject of this.#waiting) reject(disconnected('request'))
    this.#waiting.clear()
  }
}

function disconnected(what: string): StreamError {
  return new StreamError('NET_DISCONNECTED', `${what}: the connection to the embedded log is closed; open another one`)
}
