import { expect } from 'chai'
import { StreamsBuilder, type Topic, type TopicOptions, topic } from '../../dsl/index.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { Processor, ProcessorContext } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { StreamsConfig } from '../../src/runtime/config.ts'
import { int64, json, string } from '../../src/serdes/index.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { stores } from '../../state-stores/index.ts'
import { countTopology, input, rejectionOf, World } from './fixture.ts'

const texts = topic('texts', { key: string, value: string, partitions: 1 })
const copies = topic('copies', { key: string, value: string, partitions: 1 })

function copying(change: (value: string) => string = (value) => value): Topology {
  const builder = new StreamsBuilder()
  builder.stream(texts).mapValues(change, { value: string, name: 'change' }).to(copies, { name: 'copy' })
  return builder.build()
}

function copyingFrom(from: Topic<string, string>): Topology {
  const builder = new StreamsBuilder()
  builder.stream(from).to(copies)
  return builder.build()
}

describe('A mistake of the user', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.close())

  /** The error that ends an application which is fed one text. */
  async function endOf(topology: Topology, config: Partial<StreamsConfig> = {}): Promise<StreamError> {
    const app = await world.start(topology, config)
    await app.feed(texts, [{ key: 'k', value: 'text' }])
    const error = await rejectionOf(app.drained())
    expect(app.state).to.equal('error')
    if (!StreamError.is(error)) throw error
    return error
  }

  describe('in what is fed', () => {
    for (const timestampMs of [Number.NaN, 1.5, -5, 2 ** 60, '5', new Date(0)]) {
      it(`is refused when it is the timestamp ${String(timestampMs)}, and the application goes on`, async () => {
        const app = await world.start(copying())
        const bad = [{ key: 'k', value: 'v', timestampMs: timestampMs as number }]
        expect(await rejectionOf(app.feed(texts, bad))).to.have.property('code', 'INPUT_INVALID')
        await app.feed(texts, ['fine'])
        await app.drained()
        expect(app.state).to.equal('running')
      })
    }

    it('is refused when headers are no list of keys and bytes', async () => {
      const app = await world.start(copying())
      for (const headers of [{ a: 'b' }, [{ value: Buffer.from('x') }], [{ key: 'k', value: 'text' }], [null]]) {
        const bad = [{ key: 'k', value: 'v', headers: headers as [] }]
        expect(await rejectionOf(app.feed(texts, bad))).to.have.property('code', 'INPUT_INVALID')
      }
    })

    it('is refused when it is not iterable', async () => {
      const app = await world.start(copying())
      for (const items of ['text', 3, undefined, null, {}]) {
        expect(await rejectionOf(app.feed(texts, items as never))).to.have.property('code', 'INPUT_INVALID')
      }
    })

    it('is named, with its topic, when no serde can write it', async () => {
      const app = await world.start(copying())
      const wide = topic('wide', { key: string, value: string, partitions: 3 })
      await world.start(copyingFrom(wide), { applicationId: 'wide' })
      for (const [to, item, says] of [
        [texts, 5, /topic 'texts', value 5: string cannot write 5; give it a string/],
        [texts, { key: 7, value: 'v' }, /topic 'texts', key 7: string cannot write 7/],
        [wide, { key: 7, value: 'v' }, /topic 'wide', key 7: string cannot write 7/],
      ] as const) {
        const error = await rejectionOf(app.feed<unknown, unknown>(to as never, [item]))
        expect(error).to.have.property('code', 'SERDE_FAILED')
        expect(String(error)).to.match(says)
      }
      await app.feed(texts, ['fine'])
      await app.drained()
    })

    it('is refused when the topic is none', async () => {
      const app = await world.start(copying())
      for (const to of ['texts', {}, undefined, { name: 'texts' }]) {
        const error = await rejectionOf(app.feed(to as never, ['v']))
        expect(error).to.have.property('code', 'INPUT_INVALID')
        expect(String(error)).to.contain('topic(')
      }
    })

    it('is a record where it has a value, which the types of bare values say', async () => {
      const measured: { value: number }[] = []
      const readings = topic('readings', { key: string, value: json<{ value: number }>(), partitions: 1 })
      const builder = new StreamsBuilder()
      builder.stream(readings).foreach((reading) => void measured.push(reading))
      const app = await world.start(builder.build())
      await app.feed(readings, [{ value: { value: 5 } }])
      await app.drained()
      expect(measured).to.deep.equal([{ value: 5 }])
      const wrong = async (): Promise<void> => {
        // @ts-expect-error it would be taken for a record
        await app.feed(readings, [{ value: 5 }])
      }
      expect(wrong).to.be.a('function')
    })

    it('is refused without a key where the topic is compacted, and said to be that', async () => {
      const latest = topic('latest', {
        key: string,
        value: string,
        partitions: 1,
        configs: { 'cleanup.policy': 'compact' },
      })
      const app = await world.start(copyingFrom(latest))
      const error = await rejectionOf(app.feed(latest, ['no key']))
      expect(error).to.have.property('code', 'INPUT_INVALID')
      expect(String(error)).to.contain('latest-0 is compacted').and.contain('give every record a key')
      await app.feed(latest, [{ key: 'k', value: 'fine' }])
      await app.drained()
    })

    it('does not break close when the iterable refuses to end', async () => {
      const app = await world.start(copying())
      const items = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise<never>(() => {}),
          return: () => {
            throw new Error('not yet')
          },
        }),
      }
      const feeding = rejectionOf(app.feed(texts, items))
      await new Promise((resolve) => setImmediate(resolve))
      await app.close()
      expect(await feeding).to.have.property('code', 'CLOSED')
      expect(app.state).to.equal('notRunning')
    })

    it('does not hold close up when the iterable never goes on', async () => {
      const app = await world.start(copying())
      let ended = false
      const items: AsyncIterable<string> = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: async () => {
            ended = true
            return { done: true, value: undefined }
          },
        }),
      }
      const feeding = rejectionOf(app.feed(texts, items))
      await new Promise((resolve) => setImmediate(resolve))
      await app.close()
      expect(await feeding).to.have.property('code', 'CLOSED')
      expect(ended).to.equal(true)
    })
  })

  describe('in a callback', () => {
    for (const timestampMs of [Number.NaN, 1.5, undefined]) {
      it(`fails the record when it forwards the timestamp ${timestampMs}`, async () => {
        const builder = new StreamsBuilder()
        const step = (): Processor<string, string, string, string> => {
          let context: ProcessorContext<string, string>
          return {
            init: (given) => {
              context = given
            },
            process: ({ key, value }) => context.forward(new Record(key, value, timestampMs as number)),
          }
        }
        builder.stream(texts).process(step, { name: 'step' })
        const error = await endOf(builder.build())
        expect(error.code).to.equal('RECORD_FAILED')
        expect(error.message).to.contain('step').and.contain('texts-0@0')
      })
    }

    const extracting = (extract: () => unknown): Topology => {
      const options: TopicOptions<string, string> = { key: string, value: string, timestamp: extract as () => number }
      const builder = new StreamsBuilder()
      builder.stream(topic('texts', { ...options, partitions: 1 }), { name: 'texts-source' }).foreach(() => {})
      return builder.build()
    }
    for (const timestamp of [Number.NaN, 1.5, '5', undefined]) {
      it(`fails when a timestamp extractor gives ${timestamp}`, async () => {
        const error = await endOf(extracting(() => timestamp))
        expect(error.code).to.equal('RECORD_FAILED')
        expect(error.message).to.contain('texts-source').and.contain('texts-0@0')
      })
    }

    it('is named when a timestamp extractor or a partitioner returns a promise', async () => {
      expect(await endOf(extracting(() => Promise.reject(new Error('late'))))).to.have.property(
        'code',
        'PROMISE_IN_SYNC_STEP',
      )
      const builder = new StreamsBuilder()
      const partitioner = (() => Promise.resolve(0)) as unknown as () => number
      builder.stream(texts).to(copies, { name: 'copy', partitioner })
      const error = await endOf(builder.build(), { applicationId: 'other', stateDir: world.stateDir('other') })
      expect(error.code).to.equal('PROMISE_IN_SYNC_STEP')
      expect(error.message).to.contain('copy')
    })

    it('fails the record when a partitioner gives a text', async () => {
      const builder = new StreamsBuilder()
      builder.stream(texts).to(copies, { name: 'copy', partitioner: () => '0' as unknown as number })
      const error = await endOf(builder.build())
      expect(error.code).to.equal('RECORD_FAILED')
      expect(error.message).to.contain('copy').and.contain("chose '0'")
    })

    it('is the record’s own whatever its code, and starts no new life', async () => {
      let calls = 0
      const error = await endOf(
        copying(() => {
          calls++
          throw new StreamError('TIMED_OUT', 'a service did not answer')
        }),
      )
      expect(error.code).to.equal('RECORD_FAILED')
      expect(error.message).to.contain('change').and.contain('texts-0@0')
      expect(calls).to.equal(1)
    })

    it('is the record’s own also in a serde of a sink', async () => {
      const refusing = {
        ...json<string>(),
        name: 'refusing',
        decode: () => '',
        encode: () => {
          throw new StreamError('TIMED_OUT', 'a registry did not answer')
        },
      }
      const builder = new StreamsBuilder()
      builder.stream(texts).to(topic('refused', { key: string, value: refusing, partitions: 1 }), { name: 'refused' })
      expect(await endOf(builder.build())).to.have.property('code', 'RECORD_FAILED')
    })

    it('may be an assertion of a library of theirs, which is skipped like any other error', async () => {
      const app = await world.start(
        copying((value) => {
          expect(value).to.equal('good')
          return value
        }),
        { onError: { process: 'skip' } },
      )
      await app.feed(texts, ['bad', 'good'])
      await app.drained()
      expect(app.state).to.equal('running')
    })
  })

  describe('that makes a record too large for its topic', () => {
    const doubling = (): Topology => copying((value) => (value.length > 5 ? value + value : value))
    const items = ['a', 'y'.repeat(800_000), 'b']

    it('fails the record at its sink, naming it, instead of hanging', async () => {
      const app = await world.start(doubling())
      await app.feed(texts, items)
      const error = await rejectionOf(app.drained())
      expect(error).to.have.property('code', 'RECORD_FAILED')
      expect(error).to.have.property('message').that.contains('copy').and.contains('texts-0@1').and.contains('copies')
    })

    it('leaves it out where onError.produce says so, and nothing else', async () => {
      const app = await world.start(doubling(), { onError: { produce: 'skip' } })
      await app.feed(texts, items)
      await app.drained()
      expect((await world.read('copies', 1)).map(({ value }) => String(value))).to.deep.equal(['a', 'b'])
    })
  })

  it('is named with the changelog when a row is too large for it', async () => {
    const builder = new StreamsBuilder()
    const join = (all: string, value: string): string => all + value
    builder.stream(texts).groupByKey().reduce(join, { store: 'joined' })
    const app = await world.start(builder.build(), { onError: { process: 'skip', produce: 'skip' } })
    const half = { key: 'k', value: 'y'.repeat(800_000) }
    await app.feed(texts, [half, half])
    const error = await rejectionOf(app.drained())
    expect(error).to.have.property('code', 'RECORD_TOO_LARGE')
    expect(error).to.have.property('message').that.contains('app-joined-changelog-0')
  })

  describe('in the methods of a processor', () => {
    for (const values of [false, true]) {
      const kind = values ? 'processValues' : 'process'
      const withStep = (step: object): Topology => {
        const builder = new StreamsBuilder()
        const make = (() => ({ process: () => {}, ...step })) as never
        if (values) builder.stream(texts).processValues(make, { name: 'step' })
        else builder.stream(texts).process(make, { name: 'step' })
        return builder.build()
      }

      it(`is named when flush returns a promise (${kind})`, async () => {
        const error = await endOf(withStep({ flush: () => Promise.reject(new Error('late')) }))
        expect(error.code).to.equal('PROMISE_IN_SYNC_STEP')
        expect(error.message).to.contain('flush of step')
      })

      it(`is named when init returns a promise (${kind})`, async () => {
        const error = await rejectionOf(world.start(withStep({ init: () => Promise.reject(new Error('late')) })))
        expect(error).to.have.property('code', 'PROMISE_IN_SYNC_STEP')
        expect(error).to.have.property('message').that.contains('init of step')
      })
    }

    it('keeps no folder and no thread when close throws, whatever its code', async () => {
      const warnings: string[] = []
      const builder = new StreamsBuilder()
      builder.addStore(stores.keyValue({ name: 'kept', key: string, value: string }))
      let lives = 0
      const step = (): Processor<string, string, string, string> => {
        const life = ++lives
        return {
          process: () => {
            if (life === 1) throw new Error('bad')
          },
          close: () => {
            throw new StreamError('TIMED_OUT', 'a service did not answer')
          },
        }
      }
      builder.stream(texts).process(step, { name: 'step', stores: ['kept'] })
      const app = await world.start(builder.build(), {
        listeners: { warning: (message) => warnings.push(message) },
        onUncaughtError: () => 'replaceThread',
      })
      await app.feed(texts, ['text'])
      await app.drained()
      expect(lives).to.equal(2)
      expect(warnings.some((message) => message.includes('PROCESSOR_FAILED: the close of step'))).to.equal(true)
      await app.close()
      expect(app.state).to.equal('notRunning')
      expect((await world.start(copying())).state).to.equal('running')
    })
  })

  describe('in a listener', () => {
    it('is refused when there is no such event, or the listener is no function', async () => {
      const app = await world.start(copying())
      for (const [name, listener, says] of [
        ['stats', () => {}, /nothing tells of 'stats'; there are: state/],
        ['state', undefined, /the listener of 'state' is undefined; give a function/],
      ] as const) {
        expect(() => app.on(name as 'state', listener as never))
          .to.throw(StreamError, says)
          .with.property('code', 'CONFIG_INVALID')
      }
    })

    it('is told as a warning, and harms neither start nor close', async () => {
      const warnings: string[] = []
      const app = await world.start(copying(), {
        listeners: {
          warning: (message) => warnings.push(message),
          state: () => {
            throw new Error('a bad listener')
          },
        },
      })
      await app.close()
      expect(app.state).to.equal('notRunning')
      expect(warnings.some((message) => message.includes("'state'") && message.includes('a bad listener'))).to.equal(
        true,
      )
      expect((await world.start(copying())).state).to.equal('running')
    })

    it('is told as a warning when an async one rejects, and does not end the process', async () => {
      const warnings: string[] = []
      const app = await world.start(copying(), {
        listeners: {
          warning: (message) => warnings.push(message),
          state: async () => {
            throw new Error('a bad listener')
          },
        },
      })
      await app.close()
      expect(warnings.some((message) => message.includes("'state'") && message.includes('a bad listener'))).to.equal(
        true,
      )
    })

    it('is no question to answer later: onUncaughtError that returns a promise shuts down', async () => {
      const warnings: string[] = []
      const failing = copying(() => {
        throw new Error('bad')
      })
      const error = await endOf(failing, {
        listeners: { warning: (message) => warnings.push(message) },
        onUncaughtError: (async () => {
          throw new Error('late')
        }) as never,
      })
      expect(error.code).to.equal('RECORD_FAILED')
      expect(warnings.some((message) => message.includes('onUncaughtError returned a promise'))).to.equal(true)
    })

    it('does not end the application when it listens to dropped records', async () => {
      const app = await world.start(
        copying(() => {
          throw new Error('bad')
        }),
        {
          onError: { process: 'skip' },
          listeners: {
            warning: () => {},
            dropped: () => {
              throw new Error('a bad listener')
            },
          },
        },
      )
      await app.feed(texts, ['a', 'b'])
      await app.drained()
      expect(app.state).to.equal('running')
    })
  })

  describe('in a query by name', () => {
    it('is no mistake when a store that keeps times is asked for as a plain one', async () => {
      const { topology } = countTopology()
      const app = await world.start(topology)
      await app.feed(input, [{ key: 'k', value: 'x' }])
      await app.drained()
      const options = { kind: 'keyValue', key: string, value: int64 } as const
      expect(await app.store('counts', options).get('k')).to.equal(1)
      expect(() => app.store('counts', { ...options, kind: 'window' })).to.throw('STORE_MISMATCH')
      expect(() => app.store('counts', { ...options, value: string })).to.throw('STORE_MISMATCH')
    })

    it('is refused when it is not said what the store is', async () => {
      const { topology } = countTopology()
      const app = await world.start(topology)
      const options = { kind: 'keyValue', key: string, value: int64 } as const
      for (const [asked, says] of [
        [['counts', {}], /say what the store counts is: store\('counts'/],
        [['counts'], /say what the store counts is/],
        [['counts', { ...options, kind: 'foo' }], /kind of store\('counts'\) is 'foo'; give 'keyValue' or/],
        [['counts', { ...options, vlaue: int64 }], /named 'vlaue'/],
        [[{}], /store was given \{\}; give it a table with a store/],
        [[undefined], /store was given undefined/],
      ] as const) {
        const ask = (): unknown => app.store(...(asked as unknown as ['counts', typeof options]))
        expect(ask).to.throw(/CONFIG_INVALID/)
        expect(ask).to.throw(says)
      }
    })

    it('is said to be for ever when no processor uses the store', async () => {
      const builder = new StreamsBuilder()
      builder.addStore(stores.keyValue({ name: 'unused', key: string, value: string }))
      builder.stream(texts).to(copies)
      const app = await world.start(builder.build())
      const ask = (): unknown => app.store('unused', { kind: 'keyValue', key: string, value: string })
      expect(ask).to.throw(/STORE_UNKNOWN.*unused is not connected to any processor/)
    })
  })
})
