import { expect } from 'chai'
import { type Deferred, deferred } from '../../src/base/deferred.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/api.ts'
import { decodeRequest, encodeRequest } from '../../src/protocol/codec.ts'
import { codecConnection } from '../../src/protocol/codec-connection.ts'
import type { RequestContext, RequestHandler } from '../../src/protocol/connection.ts'

interface Seen {
  readonly api: ApiName
  readonly body: unknown
  readonly context: RequestContext
}

class Handler implements RequestHandler {
  readonly seen: Seen[] = []
  gate: Deferred<void> | null = null

  async handle<A extends ApiName>(api: A, body: RequestOf<A>, context: RequestContext): Promise<ResponseOf<A>> {
    this.seen.push({ api, body, context })
    if (this.gate !== null) await this.gate.promise
    const answer: ResponseOf<'Heartbeat'> = { throttleTimeMs: 3, errorCode: 27 }
    return answer as ResponseOf<A>
  }

  supported(): { apiKey: number; minVersion: number; maxVersion: number }[] {
    return [{ apiKey: 12, minVersion: 0, maxVersion: 4 }]
  }
}

const body: RequestOf<'Heartbeat'> = { groupId: 'g', generationId: 4, memberId: 'm', groupInstanceId: 'i' }

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
  } catch (error) {
    if (StreamError.is(error)) return error.code
    throw error
  }
  return 'none'
}

describe('codecConnection', () => {
  it('carries request and response through bytes, at the pinned version', async () => {
    const handler = new Handler()
    const connection = codecConnection(handler, { clientId: 'app' })
    expect(await connection.request('Heartbeat', Object.freeze({ ...body }))).to.deep.equal({
      throttleTimeMs: 3,
      errorCode: 27,
    })
    expect(handler.seen).to.have.length(1)
    expect(handler.seen[0]!.body).to.deep.equal(body)
    expect(handler.seen[0]!.body).to.not.equal(body)
    expect(handler.seen[0]!.context).to.include({ clientId: 'app', version: 4 })
    expect(connection.checked).to.equal(false)
  })

  it('offers only versions that the broker serves and the client can work with', async () => {
    const offered: unknown[] = []
    const version = (api: ApiName, min: number, max: number): number => {
      offered.push([api, min, max])
      return min
    }
    const handler = new Handler()
    await codecConnection(handler, { clientId: 'app', version }).request('Heartbeat', body)
    expect(offered).to.deep.equal([['Heartbeat', 3, 4]])
    expect(handler.seen[0]!.context.version).to.equal(3)
  })

  it('refuses an API that the broker does not serve', async () => {
    const request = codecConnection(new Handler(), { clientId: 'app' }).request('DeleteGroups', { groupsNames: [] })
    expect(await codeOf(request)).to.equal('PROTOCOL_UNSUPPORTED')
  })

  it('reaches the broker in the order of the calls, and never resolves inside one', async () => {
    const handler = new Handler()
    const connection = codecConnection(handler, { clientId: 'app' })
    const order: string[] = []
    const first = connection.request('Heartbeat', { ...body, generationId: 1 }).then(() => order.push('first'))
    const second = connection.request('Heartbeat', { ...body, generationId: 2 }).then(() => order.push('second'))
    order.push('called')
    await Promise.all([first, second])
    expect(order[0]).to.equal('called')
    expect(handler.seen.map((seen) => (seen.body as RequestOf<'Heartbeat'>).generationId)).to.deep.equal([1, 2])
  })

  it('rejects waiting and later requests when it is closed', async () => {
    const handler = new Handler()
    handler.gate = deferred()
    const connection = codecConnection(handler, { clientId: 'app' })
    const waiting = codeOf(connection.request('Heartbeat', body))
    await connection.close()
    expect(await waiting).to.equal('NET_DISCONNECTED')
    expect(await codeOf(connection.request('Heartbeat', body))).to.equal('NET_DISCONNECTED')
    handler.gate.resolve()
    await connection.close()
  })
})

describe('the codec', () => {
  it('keeps record batches by reference when it reads', () => {
    const records = Buffer.from('not looked into')
    const request = encodeRequest(
      { api: 'Produce', version: 9, correlationId: 7, clientId: null },
      {
        transactionalId: null,
        acks: -1,
        timeoutMs: 5,
        topicData: [{ name: 't', partitionData: [{ index: 2, records }] }],
      },
    )
    const { header, body: decoded } = decodeRequest(request)
    expect(header).to.deep.equal({ api: 'Produce', version: 9, correlationId: 7, clientId: null })
    const read = (decoded as RequestOf<'Produce'>).topicData[0]!.partitionData[0]!.records!
    expect(read.equals(records)).to.equal(true)
    expect(read.buffer).to.equal(request.buffer)
  })

  it('refuses bytes after the end of a message', () => {
    const request = encodeRequest({ api: 'Heartbeat', version: 4, correlationId: 7, clientId: 'c' }, body)
    expect(() => decodeRequest(Buffer.concat([request, Buffer.of(1)]))).to.throw('PROTOCOL_INVALID')
  })
})
