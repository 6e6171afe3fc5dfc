/**
 * The codec carrier: requests and responses are encoded and decoded both ways, in memory, at a chosen version. It shows
 * that what works in the process works on a wire.
 */
import { assert } from '../base/assert.ts'
import { StreamError } from '../base/errors.ts'
import { type ApiName, apis, type RequestOf, type ResponseOf } from './api.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './codec.ts'
import type { Connection, RequestHandler } from './connection.ts'

export interface CodecOptions {
  readonly clientId: string
  /**
   * Chooses the version of one request, from those that the broker serves and that carry what our client needs.
   * Default: the pinned version.
   */
  readonly version?: (api: ApiName, min: number, max: number) => number
}

let connections = 0

export function codecConnection(handler: RequestHandler, options: CodecOptions): Connection {
  return new CodecConnection(handler, options)
}

class CodecConnection implements Connection {
  readonly checked = false
  readonly #handler: RequestHandler
  readonly #clientId: string
  readonly #choose: (api: ApiName, min: number, max: number) => number
  readonly #served: ReadonlyMap<number, { readonly minVersion: number; readonly maxVersion: number }>
  readonly #connectionId = ++connections
  readonly #waiting = new Set<(error: StreamError) => void>()
  #correlationId = 0
  #closed: boolean = false

  constructor(handler: RequestHandler, options: CodecOptions) {
    this.#handler = handler
    this.#clientId = options.clientId
    this.#choose = options.version ?? ((api) => apis[api].pinned)
    this.#served = new Map(handler.supported().map((range) => [range.apiKey, range]))
  }

  get closed(): boolean {
    return this.#closed
  }

  request<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw disconnected(api)
      this.#waiting.add(reject)
      this.#exchange(api, body)
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject))
    })
  }

  async #exchange<A extends ApiName>(api: A, body: RequestOf<A>): Promise<ResponseOf<A>> {
    const version = this.#version(api)
    const correlationId = this.#correlationId++
    const sent = decodeRequest(encodeRequest({ api, version, correlationId, clientId: this.#clientId }, body))
    assert(sent.header.api === api && sent.header.version === version, 'a request arrives as what it was sent')
    const context = { clientId: sent.header.clientId ?? '', version, connectionId: this.#connectionId }
    const answer = await this.#handler.handle(api, sent.body as RequestOf<A>, context)
    const received = decodeResponse(api, version, encodeResponse(api, version, sent.header.correlationId, answer))
    assert(received.correlationId === correlationId, 'a response answers its request')
    return received.body
  }

  #version(api: ApiName): number {
    const served = this.#served.get(apis[api].key)
    const min = Math.max(served?.minVersion ?? 0, apis[api].oldest)
    const max = Math.min(served?.maxVersion ?? -1, apis[api].versions[1])
    const version = this.#choose(api, min, max)
    if (version < min || version > max) {
      throw new StreamError(
        'PROTOCOL_UNSUPPORTED',
        `the broker does not serve ${api} version ${version}; use a newer broker`,
      )
    }
    return version
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const reject of this.#waiting) reject(disconnected('request'))
    this.#waiting.clear()
  }
}

function disconnected(what: string): StreamError {
  return new StreamError('NET_DISCONNECTED', `${what}: the connection is closed; open another one`)
}
