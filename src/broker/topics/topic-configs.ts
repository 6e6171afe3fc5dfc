/**
 * The configs of a topic: Kafka's names, types, defaults and checks. One default differs: `retention.ms` is -1, so that
 * nothing is forgotten that nobody said to forget.
 *
 * Acted on: segment.bytes, segment.ms, index.interval.bytes, message.timestamp.type, max.message.bytes, and whether
 * cleanup.policy holds "compact" (keys are then required). The others are stored and described.
 */
import { indexIntervalBytesDefault, segmentBytesDefault } from '../../base/limits.ts'
import { shown } from '../../base/option-checks.ts'
import type { LogConfig } from '../../log/log-config.ts'

/** As in DescribeConfigs. */
export const configTypes = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const
type ConfigType = keyof typeof configTypes

export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  readonly defaultValue: string
  readonly documentation: string
  /** What is wrong with a value that has the right type, or null. */
  readonly problem: (value: string) => string | null
}

export type TopicConfigs = Readonly<Record<string, string>>

const longMax = 9223372036854775807n
const intMax = 2147483647n

function define(
  name: string,
  type: ConfigType,
  defaultValue: string,
  documentation: string,
  problem: (value: string) => string | null = () => null,
): ConfigDefinition {
  return { name, type, defaultValue, documentation, problem }
}

function atLeast(least: bigint): (value: string) => string | null {
  return (value) => (BigInt(value) < least ? `must be at least ${least}` : null)
}

function between(least: number, most: number): (value: string) => string | null {
  return (value) => (Number(value) < least || Number(value) > most ? `must be between ${least} and ${most}` : null)
}

function oneOf(...values: readonly string[]): (value: string) => string | null {
  return (value) => (values.includes(value) ? null : `must be one of ${values.join(', ')}`)
}

function listOf(...values: readonly string[]): (value: string) => string | null {
  return (value) => {
    const items = listItems(value)
    if (items.length > 0 && items.every((item) => values.includes(item))) return null
    return `must be a list of ${values.join(', ')}`
  }
}

function listItems(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

const definitions: readonly ConfigDefinition[] = [
  define('cleanup.policy', 'list', 'delete', 'How old segments are treated.', listOf('compact', 'delete')),
  define('compression.gzip.level', 'int', '-1', 'Level of gzip.', (value) => {
    return value === '-1' ? null : between(1, 9)(value)
  }),
  define('compression.lz4.level', 'int', '9', 'Level of lz4.', between(1, 17)),
  define(
    'compression.type',
    'string',
    'producer',
    'Codec on disk.',
    oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
  ),
  define('compression.zstd.level', 'int', '3', 'Level of zstd.', between(-131072, 22)),
  define('delete.retention.ms', 'long', '86400000', 'How long tombstones of a compacted topic stay.', atLeast(0n)),
  define('file.delete.delay.ms', 'long', '60000', 'How long a deleted file stays on disk.', atLeast(0n)),
  define('flush.messages', 'long', String(longMax), 'Records between forced syncs.', atLeast(1n)),
  define('flush.ms', 'long', String(longMax), 'Time between forced syncs.', atLeast(0n)),
  define('follower.replication.throttled.replicas', 'list', '', 'Replicas throttled as followers.'),
  define('index.interval.bytes', 'int', String(indexIntervalBytesDefault), 'Bytes between index entries.', atLeast(0n)),
  define('leader.replication.throttled.replicas', 'list', '', 'Replicas throttled as leaders.'),
  define('local.retention.bytes', 'long', '-2', 'Local part of retention.bytes.', atLeast(-2n)),
  define('local.retention.ms', 'long', '-2', 'Local part of retention.ms.', atLeast(-2n)),
  define('max.compaction.lag.ms', 'long', String(longMax), 'Longest time a record stays uncompacted.', atLeast(1n)),
  define('max.message.bytes', 'int', '1048588', 'The largest record batch.', atLeast(0n)),
  define('message.downconversion.enable', 'boolean', 'true', 'Kept for older tools; batches are never converted.'),
  define('message.timestamp.after.max.ms', 'long', String(longMax), 'How far ahead a timestamp may be.', atLeast(0n)),
  define('message.timestamp.before.max.ms', 'long', String(longMax), 'How far back a timestamp may be.', atLeast(0n)),
  define(
    'message.timestamp.type',
    'string',
    'CreateTime',
    'Whose time a record has.',
    oneOf('CreateTime', 'LogAppendTime'),
  ),
  define('min.cleanable.dirty.ratio', 'double', '0.5', 'How dirty a log is before it is compacted.', between(0, 1)),
  define('min.compaction.lag.ms', 'long', '0', 'Shortest time a record stays uncompacted.', atLeast(0n)),
  define('min.insync.replicas', 'int', '1', 'Replicas that acks=all waits for.', atLeast(1n)),
  define('preallocate', 'boolean', 'false', 'Create segment files at full size.'),
  define('remote.storage.enable', 'boolean', 'false', 'Tiered storage.', oneOf('false')),
  define('retention.bytes', 'long', '-1', 'Bytes a partition keeps; -1: all.', atLeast(-1n)),
  define('retention.ms', 'long', '-1', 'How long records are kept; -1: forever.', atLeast(-1n)),
  define('segment.bytes', 'int', String(segmentBytesDefault), 'Bytes of one segment file.', atLeast(14n)),
  define('segment.index.bytes', 'int', '10485760', 'Bytes of one index file.', atLeast(4n)),
  define('segment.jitter.ms', 'long', '0', 'Spread of segment.ms.', atLeast(0n)),
  define('segment.ms', 'long', '604800000', 'How long one segment is written to.', atLeast(1n)),
  define('unclean.leader.election.enable', 'boolean', 'false', 'Whether a replica that lags may lead.'),
]

export const topicConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = new Map(
  definitions.map((definition) => [definition.name, definition]),
)

function typeProblem(type: ConfigType, value: string): string | null {
  switch (type) {
    case 'boolean':
      return /^(true|false)$/i.test(value) ? null : 'must be true or false'
    case 'int':
    case 'long': {
      if (!/^[+-]?\d{1,20}$/.test(value)) return 'must be a whole number'
      const most = type === 'int' ? intMax : longMax
      const number = BigInt(value)
      return number > most || number < -most - 1n ? `must fit into ${type === 'int' ? 32 : 64} bits` : null
    }
    case 'double':
      return value.trim() !== '' && Number.isFinite(Number(value)) ? null : 'must be a number'
    case 'string':
    case 'list':
      return null
  }
}

/** What is wrong with this config of a topic, or null. Nothing is decoded on the direct way: a value may be anything. */
export function configProblem(name: string, value: string | null): string | null {
  const definition = topicConfigDefinitions.get(name)
  if (definition === undefined) return `unknown topic config ${name}`
  if (value === null) return `null is no value for ${name}`
  if (typeof value !== 'string') return `${name}=${shown(value)} must be a text, as all values of configs`
  const trimmed = value.trim()
  const problem = typeProblem(definition.type, trimmed) ?? definition.problem(trimmed)
  return problem === null ? null : `${name}=${value} ${problem}`
}

export function isListConfig(name: string): boolean {
  return topicConfigDefinitions.get(name)?.type === 'list'
}

/** The list with items added or taken away. */
export function changedList(current: string, operand: string, change: 'append' | 'subtract'): string {
  const items = listItems(current)
  const operands = listItems(operand)
  if (change === 'subtract') return items.filter((item) => !operands.includes(item)).join(',')
  return [...items, ...operands.filter((item) => !items.includes(item))].join(',')
}

export function configValue(configs: TopicConfigs, name: string): string {
  return (configs[name] ?? topicConfigDefinitions.get(name)!.defaultValue).trim()
}

function numberValue(configs: TopicConfigs, name: string): number {
  return Math.min(Number(configValue(configs, name)), Number.MAX_SAFE_INTEGER)
}

function isCompacted(configs: TopicConfigs): boolean {
  return listItems(configValue(configs, 'cleanup.policy')).includes('compact')
}

export function isDeletable(configs: TopicConfigs): boolean {
  return listItems(configValue(configs, 'cleanup.policy')).includes('delete')
}

/** What a partition's log does with them. */
export function logConfigOf(configs: TopicConfigs, flush: 'sync' | 'os'): LogConfig {
  return {
    segmentBytes: numberValue(configs, 'segment.bytes'),
    segmentMs: numberValue(configs, 'segment.ms'),
    indexIntervalBytes: numberValue(configs, 'index.interval.bytes'),
    messageTimestampType:
      configValue(configs, 'message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    maxMessageBytes: numberValue(configs, 'max.message.bytes'),
    flush,
    compacted: isCompacted(configs),
  }
}
