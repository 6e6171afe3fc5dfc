/**
 * The commands that the `ask` processor gives to a store, and how stores' values and rows are shown.
 */
import type {
  KeyValueStore,
  ReadOnlyKeyValueStore,
  StateStore,
  TimestampedKeyValueStore,
  TimestampedWindowStore,
  WindowStore,
} from '../../src/processor/state-store.ts'
import { nameAndArgument, wholeNumber } from './functions.ts'
import { shown } from './text.ts'

type AnyKeyValueStore = KeyValueStore<unknown, unknown> | TimestampedKeyValueStore<unknown, unknown>
export type AnyWindowStore = WindowStore<unknown, unknown> | TimestampedWindowStore<unknown, unknown>
export type AnyStore = AnyKeyValueStore | AnyWindowStore

/** The one place where a store found by name gets its type: by its kind. */
export function typedStore(store: StateStore): AnyStore {
  return store as AnyStore
}

export function isWindowStore(store: AnyStore): store is AnyWindowStore {
  return store.kind === 'window' || store.kind === 'timestampedWindow'
}

export function isTimestamped(store: AnyStore): boolean {
  return store.kind === 'timestampedKeyValue' || store.kind === 'timestampedWindow'
}

/** `value`, or `value@time` of a store that keeps timestamps. */
export function shownStored(stored: unknown): string {
  if (typeof stored === 'object' && stored !== null && 'timestamp' in stored && 'value' in stored) {
    return `${shown(stored.value)}@${stored.timestamp}`
  }
  return shown(stored)
}

/** The commands about the record's key; the others take any record. */
const keyed = new Set(['put', 'putIfAbsent', 'delete', 'get', 'at', 'fetch', 'backwardFetch'])

/** Kafka Streams' stores refuse null keys, also where nothing is stored yet. */
export function requireKey(key: unknown): void {
  if (key === null || key === undefined) throw new Error('a store has no null keys')
}

/** Runs one command for the record's key at the record's time; the answer as text. */
export function ask(store: AnyStore, key: unknown, command: string, timestampMs: number): string | Promise<string> {
  const [name, argument] = nameAndArgument(command)
  if (keyed.has(name)) requireKey(key)
  return isWindowStore(store)
    ? askWindows(store, key, name, argument, timestampMs)
    : askKeyValue(store, key, name, argument)
}

function askKeyValue(store: AnyKeyValueStore, key: unknown, name: string, argument: string): string | Promise<string> {
  const from = (): string | null => span(argument)[0] || null
  const to = (): string | null => span(argument)[1] || null
  switch (name) {
    case 'put':
      plain(store).put(key, argument)
      return 'done'
    case 'putIfAbsent':
      return shownStored(plain(store).putIfAbsent(key, argument))
    case 'delete':
      return shownStored(store.delete(key))
    case 'get':
      return shownStored(store.get(key))
    case 'all':
      return listed(reading(store).all())
    case 'reverseAll':
      return listed(reading(store).reverseAll())
    case 'range':
      return listed(reading(store).range(from(), to()))
    case 'reverseRange':
      return listed(reading(store).reverseRange(from(), to()))
    case 'prefix':
      return listed(reading(store).prefixScan(argument))
    case 'count':
      return String(store.approximateEntryCount())
    default:
      throw new Error(`a key-value store has no command ${name}`)
  }
}

/** `F..T` */
function span(written: string): [from: string, to: string] {
  const dots = written.indexOf('..')
  if (dots < 0) throw new Error(`not a span: ${written}`)
  return [written.slice(0, dots), written.slice(dots + 2)]
}

function reading(store: AnyKeyValueStore): ReadOnlyKeyValueStore<unknown, unknown> {
  return store as ReadOnlyKeyValueStore<unknown, unknown>
}

/** A store that takes plain values: one with timestamps cannot be given a text. */
function plain(store: AnyKeyValueStore): KeyValueStore<unknown, unknown> {
  if (store.kind !== 'keyValue') throw new Error(`${store.name} takes values with timestamps, not texts`)
  return store
}

function askWindows(
  store: AnyWindowStore,
  key: unknown,
  name: string,
  argument: string,
  timestampMs: number,
): string | Promise<string> {
  const from = (): number => wholeNumber(span(argument)[0])
  const to = (): number => wholeNumber(span(argument)[1])
  const rows: string[] = []
  const visit = (value: unknown, startMs: number): void => void rows.push(`${startMs}=${shownStored(value)}`)
  switch (name) {
    case 'put':
      if (store.kind !== 'window') throw new Error(`${store.name} takes values with timestamps, not texts`)
      store.put(key, argument, timestampMs)
      return 'done'
    case 'delete':
      store.put(key, null, wholeNumber(argument))
      return 'done'
    case 'at':
      return shownStored(store.at(key, wholeNumber(argument)))
    case 'fetch':
      store.fetch(key, from(), to(), visit)
      return `[${rows.join(' ')}]`
    case 'backwardFetch':
      store.backwardFetch(key, from(), to(), visit)
      return `[${rows.join(' ')}]`
    case 'fetchAll':
      return listedWindows(store, store.fetchAll(from(), to()))
    case 'backwardFetchAll':
      return listedWindows(store, store.backwardFetchAll(from(), to()))
    case 'all':
      return listedWindows(store, store.all())
    case 'backwardAll':
      return listedWindows(store, store.backwardAll())
    default:
      throw new Error(`a window store has no command ${name}`)
  }
}

async function listed(rows: AsyncIterable<readonly [unknown, unknown]>): Promise<string> {
  const texts: string[] = []
  for await (const [key, value] of rows) texts.push(`${shown(key)}=${shownStored(value)}`)
  return `[${texts.join(' ')}]`
}

async function listedWindows(
  store: AnyWindowStore,
  rows: AsyncIterable<readonly [unknown, number, unknown]>,
): Promise<string> {
  const texts: string[] = []
  for await (const [key, startMs, value] of rows) {
    texts.push(`${shown(key)}@${startMs}/${startMs + store.windowSizeMs}=${shownStored(value)}`)
  }
  return `[${texts.join(' ')}]`
}
