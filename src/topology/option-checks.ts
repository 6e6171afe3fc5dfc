/** What callers without types may get wrong when they draw nodes: TOPOLOGY_INVALID, naming the node and what to give. */
import { StreamError } from '../base/errors.ts'
import {
  aBoolean,
  aFunction,
  anything,
  aSerde,
  aText,
  checkOptions,
  configTexts,
  type OptionCheck,
  type OptionChecks,
  oneOf,
  orNull,
  requireAll,
  shown,
  texts,
  wholeFrom,
} from '../base/option-checks.ts'
import type { Processor, ProcessorSupplier } from '../processor/processor.ts'
import type { StoreBuilder } from '../processor/store-builder.ts'
import { anEngine, changelogConfigs } from '../processor/store-checks.ts'
import type { CopartitionGroup, DeclaredTopic, RepartitionTopic } from './node.ts'
import type { ProcessorOptions, SinkOptions, SourceOptions } from './topology-builder.ts'

const topics: OptionCheck = (value) => (Array.isArray(value) ? null : "a list of topics, as ['orders']")

// Each topic is looked at when it is declared, policies when the application starts.
const sourceChecks = {
  topics,
  keySerde: aSerde,
  valueSerde: aSerde,
  timestampExtractor: orNull(aFunction),
  autoOffsetReset: orNull(oneOf('earliest', 'latest')),
  onError: anything,
} satisfies OptionChecks<SourceOptions<unknown, unknown>>

const processorChecks = { stores: texts, onError: anything } satisfies OptionChecks<ProcessorOptions>

const sinkChecks = {
  topic: anything,
  keySerde: aSerde,
  valueSerde: aSerde,
  partitioner: orNull(aFunction),
  feedback: aBoolean,
  onError: anything,
} satisfies OptionChecks<SinkOptions<unknown, unknown>>

const supplierParts = {
  get: aFunction,
  stores: (value) => (Array.isArray(value) ? null : 'a list of builders, as [stores.keyValue({ … })]'),
  async: aBoolean,
} satisfies OptionChecks<ProcessorSupplier<unknown, unknown, unknown, unknown>>

const storeParts = {
  name: aText,
  kind: oneOf('keyValue', 'timestampedKeyValue', 'window', 'timestampedWindow'),
  engine: anEngine,
  changelog: orNull((value) => changelogConfigs(value, 'null or { configs }')),
  retentionMs: wholeFrom(0, 'milliseconds'),
  fingerprint: aText,
  build: aFunction,
} satisfies OptionChecks<StoreBuilder>

const partitions: OptionCheck = orNull(wholeFrom(1))

const declarationParts = { name: aText, partitions, configs: configTexts } satisfies OptionChecks<DeclaredTopic>

const repartitionTopicChecks = { name: aText, partitions } satisfies OptionChecks<RepartitionTopic>

const copartitionKinds = oneOf('join', 'fold')

export function checkSource(name: string, options: SourceOptions<unknown, unknown>): void {
  checkNode(`the source '${name}'`, options, sourceChecks, ['topics', 'keySerde', 'valueSerde'])
}

export function checkSink(name: string, options: SinkOptions<unknown, unknown>): void {
  checkNode(`the sink '${name}'`, options, sinkChecks, ['topic', 'keySerde', 'valueSerde'])
}

export function checkProcessor(name: string, supplier: unknown, options: ProcessorOptions): void {
  const owner = `the processor '${name}'`
  const remedy = 'give it a supplier, { get: () => new … }, that makes a new one for each task'
  if (typeof supplier !== 'object' || supplier === null) {
    throw invalid(`${owner} was given ${shown(supplier)}; ${remedy}`)
  }
  if (!('get' in supplier) && 'process' in supplier) {
    throw invalid(`${owner} was given one processor for all tasks; ${remedy}`)
  }
  checkParts(`the supplier of ${owner}`, supplier, supplierParts, ['get'])
  const { stores = [] } = supplier as { readonly stores?: readonly unknown[] }
  for (const store of stores) checkStore(`the supplier of ${owner}`, store)
  checkNode(owner, options, processorChecks, [])
}

export function checkParents(kind: 'processor' | 'sink', name: string, parents: readonly string[]): void {
  const wanted = texts(parents)
  if (wanted !== null) {
    throw invalid(
      `the ${kind} '${name}' was given ${shown(parents)} as its parents; give ${wanted}: the nodes it takes records from`,
    )
  }
  if (parents.length === 0) throw invalid(`the ${kind} '${name}' has no parent; name the node it takes records from`)
  if (new Set(parents).size < parents.length) throw invalid(`the ${kind} '${name}' names a parent twice; name it once`)
}

/** `taker`: who was given it. */
export function checkStore(taker: string, builder: unknown): void {
  if (typeof builder !== 'object' || builder === null) {
    throw invalid(`${taker} was given ${shown(builder)}; give it a builder: stores.keyValue({ … })`)
  }
  const { name }: { readonly name?: unknown } = builder
  const owner = typeof name === 'string' ? `the store '${name}'` : `a store given to ${taker}`
  checkParts(owner, builder, storeParts, ['name', 'kind', 'engine', 'changelog', 'fingerprint', 'build'])
}

export function checkConnection(storeName: string, processors: readonly string[]): void {
  const wanted = texts(processors)
  if (wanted === null) return
  throw invalid(`the store '${storeName}' is connected to ${shown(processors)}; give ${wanted}: names of processors`)
}

/** `node`: whose topic it is. */
export function checkDeclaration(node: string, topic: DeclaredTopic): void {
  const { name }: { readonly name?: unknown } = Object(topic)
  if (typeof name !== 'string') {
    throw invalid(`'${node}' was given ${shown(topic)} as a topic; give its name, or { name, partitions, configs }`)
  }
  checkParts(`the topic '${name}'`, topic, declarationParts, ['partitions', 'configs'])
}

export function checkRepartitionTopic(topic: RepartitionTopic): void {
  const { name }: { readonly name?: unknown } = Object(topic)
  checkNode(`the repartition topic '${String(name)}'`, topic, repartitionTopicChecks, ['name', 'partitions'])
}

export function checkCopartition(node: string, sources: readonly string[], kind: CopartitionGroup['kind']): void {
  const wanted = texts(sources)
  if (wanted !== null)
    throw invalid(`'${node}' wants ${shown(sources)} co-partitioned; give ${wanted}: names of sources`)
  const kinds = copartitionKinds(kind)
  if (kinds !== null) throw invalid(`'${node}' wants sources co-partitioned for ${shown(kind)}; give ${kinds}`)
}

/** The supplier, refusing to hand out one processor twice: each task needs its own. */
export function freshEachTime<KIn, VIn, KOut, VOut>(
  name: string,
  supplier: ProcessorSupplier<KIn, VIn, KOut, VOut>,
): ProcessorSupplier<KIn, VIn, KOut, VOut> {
  const given = new WeakSet<Processor<KIn, VIn, KOut, VOut>>()
  return Object.freeze({
    get: () => {
      const made = supplier.get()
      // What is no object is refused by whoever wants to run it.
      if (typeof made !== 'object' || made === null) return made
      if (given.has(made)) {
        throw invalid(`the supplier of the processor '${name}' gave one processor twice; make a new one at each call`)
      }
      given.add(made)
      return made
    },
    stores: supplier.stores ?? [],
    async: supplier.async ?? false,
  })
}

/** These names only, right values, and nothing of `needed` missing. */
function checkNode(
  owner: string,
  options: unknown,
  checks: { readonly [name: string]: OptionCheck },
  needed: readonly string[],
): void {
  checkOptions(owner, options, checks, 'TOPOLOGY_INVALID')
  requireAll(owner, options as object, checks, needed, 'TOPOLOGY_INVALID')
}

/** As `checkNode`, of things that may have more about them. */
function checkParts(
  owner: string,
  thing: object,
  checks: { readonly [name: string]: OptionCheck },
  needed: readonly string[],
): void {
  const parts = thing as { readonly [name: string]: unknown }
  const known = Object.keys(checks).map((name) => [name, parts[name]] as const)
  checkOptions(owner, Object.fromEntries(known), checks, 'TOPOLOGY_INVALID')
  requireAll(owner, parts, checks, needed, 'TOPOLOGY_INVALID')
}

function invalid(message: string): StreamError {
  return new StreamError('TOPOLOGY_INVALID', message)
}
