/**
 * The processors that scenarios call by name. Each is a function that is given its context once and gives what happens
 * to a record; those that scan a store are asynchronous. Stores are asked for at each record, as a store that is not
 * connected is an error of the record.
 */
import { noHeaders } from '../../src/base/serde.ts'
import type { ProcessorContext, ProcessorSupplier, PunctuationType } from '../../src/processor/processor.ts'
import { Record } from '../../src/processor/record.ts'
import type { KeyValueStore, StateStore } from '../../src/processor/state-store.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import { type Mapper, mapperNamed, nameAndArgument, wholeNumber } from './functions.ts'
import { ask, isWindowStore, requireKey, shownStored, typedStore } from './store-commands.ts'
import { bytesOfText, shown, shownHeaders, textOf } from './text.ts'

type Item = Record<unknown, unknown>
type Context = ProcessorContext<unknown, unknown>
type Process = (item: Item) => void | Promise<void>
type Behavior = (context: Context, argument: string) => Process
type Supplier = ProcessorSupplier<unknown, unknown, unknown, unknown>

const behaviors: { readonly [name: string]: Behavior } = {
  pass: (context) => (item) => context.forward(item),
  drop: () => () => {},
  twice: (context) => (item) => {
    context.forward(item.withValue(`${shown(item.value)}.1`))
    context.forward(item.withValue(`${shown(item.value)}.2`))
  },
  throw: (context, argument) => (item) => {
    if (textOf(item.value) === argument) throw new Error(`thrown: ${argument}`)
    context.forward(item)
  },
  setKey: (context, argument) => {
    const key = mapperNamed(argument) as Mapper
    return (item) => context.forward(item.withKey(key(item.key, item.value)))
  },
  shiftTime: (context, argument) => (item) => context.forward(item.withTimestamp(item.timestamp + Number(argument))),
  addHeader: (context, argument) => (item) => context.forward(withHeader(item, argument)),
  dropHeaders: (context) => (item) => context.forward(item.withHeaders(noHeaders)),
  headers: (context) => (item) => context.forward(item.withValue(`${shown(item.value)} ${shownHeaders(item.headers)}`)),
  context: (context) => (item) => context.forward(item.withValue(described(item, context))),
  route: (context) => (item) => {
    const text = textOf(item.value)
    if (text?.includes(':')) context.forward(item, text.slice(0, text.indexOf(':')))
    else context.forward(item)
  },
  counter: (context, argument) => (item) => {
    const store = keyValueStore(context, argument)
    const count = wholeNumber(textOf(store.get(shown(item.key))) ?? '0') + 1
    store.put(shown(item.key), String(count))
    context.forward(item.withValue(`${shown(item.value)}#${count}`))
  },
  dedupe: (context, argument) => (item) => {
    requireKey(item.key)
    const store = keyValueStore(context, argument)
    if (shown(store.get(item.key)) === shown(item.value)) return
    store.put(item.key, item.value)
    context.forward(item)
  },
  previous: (context, argument) => (item) => {
    requireKey(item.key)
    const store = keyValueStore(context, argument)
    const before = store.get(item.key)
    store.put(item.key, item.value)
    context.forward(item.withValue(`${shown(before)}>${shown(item.value)}`))
  },
  lookup: (context, argument) => (item) => {
    requireKey(item.key)
    const store = typedStore(context.store<StateStore>(argument))
    if (isWindowStore(store)) throw new Error(`${argument} holds windows: no value under a key alone`)
    context.forward(item.withValue(`${shown(item.value)}~${shownStored(store.get(item.key))}`))
  },
  streamTimer: (context, argument) => timer(context, 'streamTime', Number(argument), 'stream'),
  wallTimer: (context, argument) => timer(context, 'wallClock', Number(argument), 'wall'),
  timerOnce: (context, argument) => {
    const scheduled = context.schedule(Number(argument), 'wallClock', (timestampMs) => {
      context.forward(new Record<unknown, unknown>('once', `T${timestampMs}`, timestampMs))
      scheduled.cancel()
    })
    return (item) => context.forward(item)
  },
  throwingTimer: (context, argument) => {
    context.schedule(Number(argument), 'streamTime', (timestampMs) => {
      throw new Error(`thrown: timer at ${timestampMs}`)
    })
    return (item) => context.forward(item)
  },
}

const asyncBehaviors: { readonly [name: string]: Behavior } = {
  ask: (context, argument) => (item) => {
    const command = textOf(item.value)
    const store = typedStore(context.store<StateStore>(argument))
    const tell = (answer: string): void => context.forward(item.withValue(answer))
    const answer = command === null ? 'nothing asked' : ask(store, item.key, command, item.timestamp)
    return typeof answer === 'string' ? tell(answer) : answer.then(tell)
  },
  flushEvery: (context, argument) => {
    const comma = argument.indexOf(',')
    const store = argument.slice(0, comma)
    context.schedule(Number(argument.slice(comma + 1)), 'streamTime', async (timestampMs) => {
      const kept = keyValueStore(context, store)
      const rows: [unknown, unknown][] = []
      for await (const row of kept.all()) rows.push(row)
      for (const [key, value] of rows) {
        context.forward(new Record(key, value, timestampMs))
        kept.delete(key)
      }
    })
    return (item) => {
      requireKey(item.key)
      keyValueStore(context, store).put(item.key, item.value)
    }
  },
}

function keyValueStore(context: Context, name: string): KeyValueStore<unknown, unknown> {
  return context.store<KeyValueStore<unknown, unknown>>(name)
}

function withHeader(item: Item, pair: string): Item {
  const equals = pair.indexOf('=')
  const header = { key: pair.slice(0, equals), value: bytesOfText(pair.slice(equals + 1)) }
  return item.withHeaders([...item.headers, header])
}

function described(item: Item, context: Context): string {
  const at = context.recordMetadata()
  // In a punctuator there is metadata, of no topic.
  const from = at === null ? 'nowhere' : `${at.topic === '' ? 'null' : at.topic}/${at.partition}/${at.offset}`
  return (
    `${shown(item.value)} from=${from} time=${item.timestamp} streamTime=${context.currentStreamTimeMs()} ` +
    `wall=${context.currentSystemTimeMs()} task=${context.taskId}`
  )
}

/** Passes records on, and every so often sends one of its own. */
function timer(context: Context, type: PunctuationType, intervalMs: number, key: string): Process {
  context.schedule(intervalMs, type, (timestampMs) => {
    const known = context.recordMetadata() !== null
    const value = `T${timestampMs} streamTime=${context.currentStreamTimeMs()} record=${known}`
    context.forward(new Record<unknown, unknown>(key, value, timestampMs))
  })
  return (item) => context.forward(item)
}

/** Is there a processor of that name, and all that its argument names? */
export function knowsProcessor(written: string): boolean {
  const [name, argument] = nameAndArgument(written)
  if (name === 'setKey') return mapperNamed(argument) !== null
  return Object.hasOwn(behaviors, name) || Object.hasOwn(asyncBehaviors, name)
}

/** The supplier of a processor by name, with the stores it brings along. */
export function processorNamed(written: string, stores: readonly StoreBuilder[]): Supplier {
  const [name, argument] = nameAndArgument(written)
  const isAsync = Object.hasOwn(asyncBehaviors, name)
  const behavior = isAsync ? asyncBehaviors[name] : behaviors[name]
  if (behavior === undefined) throw new Error(`no processor named ${name}`)
  return {
    async: isAsync,
    stores,
    get() {
      let process: Process
      return {
        init(context: Context): void {
          process = behavior(context, argument)
        },
        process: (item: Item): void | Promise<void> => process(item),
      }
    },
  }
}
