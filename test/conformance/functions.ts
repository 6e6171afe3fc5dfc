/**
 * The catalogue of functions that scenarios call by name, written `name` or `name:argument`. All see keys and values as
 * text and give text or null. An unknown name gives null: a scenario that needs it is skipped.
 */
import type { TimestampExtractor } from '../../src/processor/timestamp-extractor.ts'
import { shown, textOf } from './text.ts'

export type Mapper = (key: unknown, value: unknown) => string | null
export type Predicate = (key: unknown, value: unknown) => boolean
export type ListFunction = (value: unknown) => (string | null)[]
export type Joiner = (key: unknown, left: unknown, right: unknown) => string | null
export type Aggregator = (key: unknown, value: unknown, total: unknown) => string | null
export type Initializer = () => string | null

/** Splits at the first colon; the argument keeps its own colons. */
export function nameAndArgument(written: string): [name: string, argument: string] {
  const colon = written.indexOf(':')
  return colon < 0 ? [written, ''] : [written.slice(0, colon), written.slice(colon + 1)]
}

/** What the text says, which must be a whole number. */
export function wholeNumber(written: string): number {
  if (!/^-?[0-9]+$/.test(written)) throw new Error(`not a whole number: ${written}`)
  return Number(written)
}

function throwIf(refused: string, thing: unknown): void {
  if (textOf(thing) === refused) throw new Error(`thrown: ${refused}`)
}

export function mapperNamed(written: string): Mapper | null {
  if (written.startsWith('key.')) {
    const ofKey = mapperNamed(written.slice('key.'.length))
    return ofKey && ((key) => ofKey(key, key))
  }
  const [name, argument] = nameAndArgument(written)
  switch (name) {
    case 'value':
      return (_key, value) => textOf(value)
    case 'key':
    case 'windowedKeyToString':
      return (key) => textOf(key)
    case 'const':
      return () => argument
    case 'show':
      return (_key, value) => shown(value)
    case 'pair':
      return (key, value) => `${shown(key)}=${shown(value)}`
    case 'nullIf':
      return (_key, value) => (textOf(value) === argument ? null : textOf(value))
    case 'throw':
      return (_key, value) => {
        throwIf(argument, value)
        return textOf(value)
      }
    default: {
      const ofText = textMapperNamed(name, argument)
      return (
        ofText &&
        ((_key, value) => {
          const text = textOf(value)
          return text === null ? null : ofText(text)
        })
      )
    }
  }
}

/** The mappers that leave null alone. */
function textMapperNamed(name: string, argument: string): ((text: string) => string | null) | null {
  switch (name) {
    case 'upper':
      return (text) => text.toUpperCase()
    case 'append':
      return (text) => text + argument
    case 'prepend':
      return (text) => argument + text
    case 'firstChar':
      return (text) => text.slice(0, 1)
    case 'length':
      return (text) => String(text.length)
    case 'before':
      return (text) => (text.includes(argument) ? text.slice(0, text.indexOf(argument)) : null)
    case 'after':
      return (text) => (text.includes(argument) ? text.slice(text.indexOf(argument) + argument.length) : null)
    default:
      return null
  }
}

export function predicateNamed(written: string): Predicate | null {
  if (written.startsWith('key.')) {
    const ofKey = predicateNamed(written.slice('key.'.length))
    return ofKey && ((key) => ofKey(key, key))
  }
  const [name, argument] = nameAndArgument(written)
  switch (name) {
    case 'all':
      return () => true
    case 'none':
      return () => false
    case 'notNull':
      return (_key, value) => textOf(value) !== null
    case 'isNull':
      return (_key, value) => textOf(value) === null
    case 'startsWith':
      return (_key, value) => textOf(value)?.startsWith(argument) ?? false
    case 'contains':
      return (_key, value) => textOf(value)?.includes(argument) ?? false
    case 'equals':
      return (_key, value) => textOf(value) === argument
    case 'longerThan':
      return (_key, value) => (textOf(value)?.length ?? 0) > Number(argument)
    case 'throw':
      return (_key, value) => {
        throwIf(argument, value)
        return true
      }
    default:
      return null
  }
}

export function listFunctionNamed(written: string): ListFunction | null {
  const [name, argument] = nameAndArgument(written)
  switch (name) {
    case 'split':
      return (value) => textOf(value)?.split(argument) ?? []
    case 'chars':
      return (value) => textOf(value)?.split('') ?? []
    case 'twice':
      return (value) => [textOf(value), textOf(value)]
    case 'none':
      return () => []
    default:
      return null
  }
}

export function joinerNamed(written: string): Joiner | null {
  const [name, argument] = nameAndArgument(written)
  switch (name) {
    case 'plus':
      return (_key, left, right) => `${shown(left)}+${shown(right)}`
    case 'keyed':
      return (key, left, right) => `${shown(key)}:${shown(left)}+${shown(right)}`
    case 'left':
      return (_key, left) => textOf(left)
    case 'right':
      return (_key, _left, right) => textOf(right)
    case 'throw':
      return (_key, left, right) => {
        throwIf(argument, left)
        throwIf(argument, right)
        return `${shown(left)}+${shown(right)}`
      }
    default:
      return null
  }
}

export function aggregatorNamed(written: string): Aggregator | null {
  const [name, argument] = nameAndArgument(written)
  switch (name) {
    case 'concat':
      return (_key, value, total) => shown(total) + shown(value)
    case 'plus':
      return (_key, value, total) => `${shown(total)}+${shown(value)}`
    case 'minus':
      return (_key, value, total) => `${shown(total)}-${shown(value)}`
    case 'tag':
      return (_key, value, total) => shown(total) + argument + shown(value)
    case 'sum':
      return (_key, value, total) => String(numberOr0(total) + numberOr0(value))
    case 'subtract':
      return (_key, value, total) => String(numberOr0(total) - numberOr0(value))
    case 'first':
      return (_key, _value, total) => textOf(total)
    case 'last':
      return (_key, value) => textOf(value)
    case 'max':
      return (_key, value, total) => [shown(total), shown(value)].sort()[1]!
    case 'concatUnless':
      return (_key, value, total) => (textOf(value) === argument ? null : shown(total) + shown(value))
    case 'throw':
      return (_key, value, total) => {
        throwIf(argument, shown(value))
        return shown(total) + shown(value)
      }
    default:
      return null
  }
}

function numberOr0(thing: unknown): number {
  const text = shown(thing)
  return /^-?[0-9]{1,15}$/.test(text) ? Number(text) : 0
}

export function initializerNamed(written: string): Initializer | null {
  const [name, argument] = nameAndArgument(written)
  switch (name) {
    case 'empty':
      return () => ''
    case 'zero':
      return () => '0'
    case 'null':
      return () => null
    case 'text':
      return () => argument
    default:
      return null
  }
}

/** Kafka's extractors over the whole number after the value's last `@`, where there is one. */
export function extractorNamed(name: string): TimestampExtractor | null {
  switch (name) {
    case 'fail':
      return ({ value, timestamp }) => {
        const time = timeInValue(value) ?? timestamp
        if (time < 0) throw new Error(`the record has a negative timestamp, ${time}`)
        return time
      }
    case 'skip':
      return ({ value, timestamp }) => timeInValue(value) ?? timestamp
    case 'partitionTime':
      return ({ value, timestamp }, partitionTimeMs) => {
        const time = timeInValue(value) ?? timestamp
        if (time >= 0) return time
        if (partitionTimeMs < 0) throw new Error(`no partition time stands in for the negative timestamp ${time}`)
        return partitionTimeMs
      }
    default:
      return null
  }
}

function timeInValue(value: unknown): number | null {
  const match = /@(-?[0-9]+)$/.exec(shown(value))
  return match === null ? null : Number(match[1])
}
