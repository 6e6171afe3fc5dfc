import { expect } from 'chai'
import fc from 'fast-check'
import { StreamError } from '../../src/base/errors.ts'
import { decodeSnapshot, encodeSnapshot } from '../../src/log/producer-snapshot.ts'
import { ProducerState, sequenceAfter } from '../../src/log/producer-state.ts'

const sequenceMax = 2 ** 31 - 1

/** Checks and applies, as the log does; returns the base offset the batch has in the log. */
class Writer {
  readonly state: ProducerState
  offset = 0

  constructor(state = new ProducerState()) {
    this.state = state
  }

  write(producerId: number, epoch: number, firstSequence: number, count = 1, transactional = false): number {
    const repeated = this.state.checkBatch(producerId, epoch, firstSequence, count, transactional)
    if (repeated !== null) return repeated.baseOffset
    const baseOffset = this.offset
    this.offset += count
    const lastSequence = sequenceAfter(firstSequence, count - 1)
    this.state.applyBatch(
      producerId,
      epoch,
      { firstSequence, lastSequence, baseOffset, lastOffset: this.offset - 1, timestampMs: 0 },
      transactional,
      0,
    )
    return baseOffset
  }

  end(producerId: number, epoch: number, coordinatorEpoch = 0): ReturnType<ProducerState['applyMarker']> {
    this.state.checkMarker(producerId, epoch, coordinatorEpoch)
    return this.state.applyMarker(producerId, epoch, coordinatorEpoch, this.offset++, 0)
  }
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return StreamError.is(error) ? error.code : String(error)
  }
}

describe('ProducerState', () => {
  it('knows the last five batches of a producer as duplicates, and no older one', () => {
    const writer = new Writer()
    for (let sequence = 0; sequence < 12; sequence += 2) writer.write(1, 0, sequence, 2)
    for (let sequence = 2; sequence < 12; sequence += 2) expect(writer.write(1, 0, sequence, 2)).to.equal(sequence)
    expect(codeOf(() => writer.write(1, 0, 0, 2))).to.equal('OUT_OF_ORDER_SEQUENCE')
    expect(codeOf(() => writer.write(1, 0, 10, 1))).to.equal('OUT_OF_ORDER_SEQUENCE')
    expect(writer.write(1, 0, 12)).to.equal(12)
  })

  it('refuses a hole in the sequences', () => {
    const writer = new Writer()
    writer.write(1, 0, 0)
    expect(codeOf(() => writer.write(1, 0, 2))).to.equal('OUT_OF_ORDER_SEQUENCE')
    expect(writer.write(1, 0, 1)).to.equal(1)
  })

  it('takes any first sequence from a producer it does not know, and only 0 in a new epoch', () => {
    const writer = new Writer()
    writer.write(1, 3, 77)
    expect(codeOf(() => writer.write(1, 4, 78))).to.equal('OUT_OF_ORDER_SEQUENCE')
    writer.write(1, 4, 0)
    expect(codeOf(() => writer.write(1, 3, 78))).to.equal('PRODUCER_FENCED')
  })

  it('goes from sequence 2^31 - 1 on to 0', () => {
    const writer = new Writer()
    writer.write(1, 0, sequenceMax - 2)
    expect(writer.write(1, 0, sequenceMax - 1, 5)).to.equal(1)
    expect(writer.write(1, 0, sequenceMax - 1, 5), 'a duplicate across the wrap').to.equal(1)
    expect(codeOf(() => writer.write(1, 0, 2))).to.equal('OUT_OF_ORDER_SEQUENCE')
    expect(writer.write(1, 0, 3)).to.equal(6)
  })

  it('has the first offset of the earliest open transaction as the first unstable one', () => {
    const writer = new Writer()
    expect(writer.state.firstUnstableOffset).to.equal(-1)
    writer.write(1, 0, 0)
    writer.write(2, 0, 0, 1, true)
    writer.write(3, 0, 0, 1, true)
    writer.write(2, 0, 1, 1, true)
    expect(writer.state.firstUnstableOffset).to.equal(1)
    expect(writer.end(2, 0)).to.deep.equal({ producerId: 2, firstOffset: 1, lastOffset: 4, lastStableOffset: 2 })
    expect(writer.state.firstUnstableOffset).to.equal(2)
    expect(writer.end(3, 0)).to.deep.equal({ producerId: 3, firstOffset: 2, lastOffset: 5, lastStableOffset: 6 })
    expect(writer.state.firstUnstableOffset).to.equal(-1)
  })

  it('lets a marker without an open transaction change nothing but the epoch', () => {
    const writer = new Writer()
    writer.write(1, 0, 0, 1, true)
    expect(writer.end(1, 0)).to.not.equal(null)
    expect(writer.end(1, 0)).to.equal(null)
    expect(writer.end(1, 1)).to.equal(null)
    expect(codeOf(() => writer.write(1, 0, 1, 1, true))).to.equal('PRODUCER_FENCED')
    writer.write(1, 1, 0, 1, true)
    expect(codeOf(() => writer.end(1, 0))).to.equal('PRODUCER_FENCED')
  })

  it('refuses markers of a coordinator that was replaced, and plain batches inside a transaction', () => {
    const writer = new Writer()
    writer.write(1, 0, 0, 1, true)
    expect(codeOf(() => writer.write(1, 0, 1))).to.equal('TRANSACTION_STATE_INVALID')
    writer.end(1, 0, 5)
    expect(codeOf(() => writer.end(1, 0, 4))).to.equal('PRODUCER_FENCED')
  })

  it('keeps a producer with an open transaction however silent it is', () => {
    const writer = new Writer()
    writer.write(1, 0, 0, 1, true)
    writer.write(2, 0, 0)
    writer.state.expire(1)
    expect([writer.state.get(1) !== undefined, writer.state.get(2)]).to.deep.equal([true, undefined])
  })

  it('forgets the longest silent producers when there are too many', () => {
    const state = new ProducerState()
    const batch = { firstSequence: 0, lastSequence: 0, baseOffset: 0, lastOffset: 0, timestampMs: 0 }
    for (let id = 0; id < 10_050; id++) state.applyBatch(id, 0, batch, id === 0, id)
    expect(state.size).to.be.at.most(10_000)
    expect([state.get(0) !== undefined, state.get(1), state.get(10_049) !== undefined]).to.deep.equal([
      true,
      undefined,
      true,
    ])
  })

  it('is the naive model, whatever producers do', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        id: fc.nat(2),
        epochStep: fc.constantFrom(0, 0, 0, 1, -1),
        sequenceStep: fc.constantFrom(0, 0, 0, 0, 1, -1, -3),
        count: fc.integer({ min: 1, max: 3 }),
        transactional: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('end' as const), id: fc.nat(2) }),
      fc.record({ kind: fc.constant('restart' as const), id: fc.nat(2) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let writer = new Writer()
        const known = new Map<
          number,
          { epoch: number; batches: { first: number; count: number; base: number }[]; open: number; restarted: boolean }
        >()
        for (const one of steps) {
          const model = known.get(one.id)
          if (one.kind === 'restart') {
            const next = new Writer()
            next.state.restore(decodeSnapshot(encodeSnapshot(writer.state))!)
            next.offset = writer.offset
            writer = next
            for (const producer of known.values()) producer.batches = producer.batches.slice(-1)
            continue
          }
          if (one.kind === 'end') {
            const completed = writer.end(one.id, model?.epoch ?? 0)
            expect(completed?.firstOffset ?? -1).to.equal(model?.open ?? -1)
            if (model === undefined) known.set(one.id, { epoch: 0, batches: [], open: -1, restarted: false })
            else model.open = -1
          } else {
            const epoch = Math.max(0, (model?.epoch ?? 0) + one.epochStep)
            const last = model?.batches.at(-1)
            const expected = epoch === model?.epoch && last !== undefined ? last.first + last.count : 0
            const first = Math.max(0, expected + one.sequenceStep)
            const repeated =
              epoch === model?.epoch
                ? model.batches.slice(-5).find((b) => b.first === first && b.count === one.count)
                : undefined
            let wanted = 'none'
            if (model !== undefined && epoch < model.epoch) wanted = 'PRODUCER_FENCED'
            else if (repeated !== undefined) wanted = 'none'
            else if (model !== undefined && first !== expected) wanted = 'OUT_OF_ORDER_SEQUENCE'
            else if (model !== undefined && model.open >= 0 && !one.transactional) wanted = 'TRANSACTION_STATE_INVALID'
            const before = writer.offset
            let base = -1
            const code = codeOf(() => {
              base = writer.write(one.id, epoch, first, one.count, one.transactional)
            })
            expect(code).to.equal(wanted)
            if (code === 'none') {
              expect(base).to.equal(repeated?.base ?? before)
              if (repeated === undefined) {
                const entry = model ?? { epoch, batches: [], open: -1, restarted: false }
                if (entry.epoch !== epoch) entry.batches = []
                entry.epoch = epoch
                entry.batches.push({ first, count: one.count, base })
                if (one.transactional && entry.open < 0) entry.open = base
                known.set(one.id, entry)
              }
            }
          }
          const open = [...known.values()].map((entry) => entry.open).filter((offset) => offset >= 0)
          expect(writer.state.firstUnstableOffset).to.equal(open.length === 0 ? -1 : Math.min(...open))
        }
      }),
      { numRuns: 400 },
    )
  })
})

describe('producer snapshots', () => {
  it('are refused when a byte is damaged or missing', () => {
    const writer = new Writer()
    writer.write(1, 2, 0, 3, true)
    writer.write(9, 0, 5)
    const bytes = encodeSnapshot(writer.state)
    expect(decodeSnapshot(bytes)?.length).to.equal(2)
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at] = damaged[at]! ^ 1
      expect(decodeSnapshot(damaged), `byte ${at}`).to.equal(null)
      expect(decodeSnapshot(bytes.subarray(0, at)), `cut at ${at}`).to.equal(null)
    }
  })
})
