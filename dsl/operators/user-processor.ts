/** Adapters for the processors that users bring: a supplier, or a plain function that makes one. */
import { StreamError } from '../../src/base/errors.ts'
import type {
  Cancellable,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  PunctuationType,
  Punctuator,
} from '../../src/processor/processor.ts'
import type { Record, RecordMetadata } from '../../src/processor/record.ts'
import type { Unawaited } from '../dsl-error.ts'
import { isPromise } from './sync-result.ts'

/** A processor of which it is known what its methods return. */
interface ReturningProcessor<K, V, K2, V2, R> {
  init?(context: ProcessorContext<K2, V2>): Unawaited
  process(record: Record<K, V>): R
  flush?(): Unawaited
  close?(): Unawaited
}

export type ProcessorSource<K, V, K2, V2, R = void | Promise<void>> =
  | ProcessorSupplier<K, V, K2, V2>
  | (() => ReturningProcessor<K, V, K2, V2, R>)

export function userProcessor<K, V, K2, V2>(
  source: ProcessorSource<K, V, K2, V2>,
  async: boolean | undefined,
): ProcessorSupplier<K, V, K2, V2> {
  const supplier = typeof source === 'function' ? { get: source } : source
  return {
    get: () => supplier.get(),
    async: async ?? supplier.async ?? false,
    stores: supplier.stores ?? [],
  }
}

/** The same for `processValues`: while a record is processed, only its own key can be forwarded. */
export function userValuesProcessor<K, V, V2>(
  source: ProcessorSource<K, V, K, V2>,
  async: boolean | undefined,
): ProcessorSupplier<K, V, K, V2> {
  const supplier = userProcessor(source, async)
  // One for each, so that the topology sees when one is given twice.
  const adapters = new WeakMap<Processor<K, V, K, V2>, ValuesProcessor<K, V, V2>>()
  return {
    ...supplier,
    get: () => {
      const made = supplier.get()
      // What is no processor is refused by the task.
      if (typeof made?.process !== 'function') return made
      const adapter = adapters.get(made) ?? new ValuesProcessor(made)
      adapters.set(made, adapter)
      return adapter
    },
  }
}

/** Hands on what the methods return, so that a promise from one is seen. */
class ValuesProcessor<K, V, V2> implements Processor<K, V, K, V2> {
  readonly #inner: Processor<K, V, K, V2>
  #context!: ValuesContext<K, V2>

  constructor(inner: Processor<K, V, K, V2>) {
    this.#inner = inner
  }

  init(context: ProcessorContext<K, V2>): unknown {
    this.#context = new ValuesContext(context)
    return this.#inner.init?.(this.#context)
  }

  process(record: Record<K, V>): void | Promise<void> {
    this.#context.begin(record.key)
    let isPending = false
    try {
      const result = this.#inner.process(record)
      isPending = isPromise(result)
      return isPending ? Promise.resolve(result).finally(() => this.#context.end()) : undefined
    } finally {
      if (!isPending) this.#context.end()
    }
  }

  flush(): unknown {
    return this.#inner.flush?.()
  }

  close(): unknown {
    return this.#inner.close?.()
  }
}

/** Compares keys by identity: a processor that keeps the key passes on the one it was given. */
class ValuesContext<K, V2> implements ProcessorContext<K, V2> {
  readonly #context: ProcessorContext<K, V2>
  #key: K | undefined
  #processing = false

  constructor(context: ProcessorContext<K, V2>) {
    this.#context = context
  }

  begin(key: K): void {
    this.#key = key
    this.#processing = true
  }

  end(): void {
    this.#processing = false
  }

  get applicationId(): string {
    return this.#context.applicationId
  }

  get taskId(): string {
    return this.#context.taskId
  }

  get nodeName(): string {
    return this.#context.nodeName
  }

  forward(record: Record<K, V2>, childName?: string): void {
    if (this.#processing && !Object.is(record.key, this.#key)) {
      throw new StreamError(
        'RECORD_FAILED',
        `the processValues step '${this.nodeName}' forwarded another key; keep the record's key, or use process`,
      )
    }
    this.#context.forward(record, childName)
  }

  store<S>(name: string): S {
    return this.#context.store(name)
  }

  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable {
    return this.#context.schedule(intervalMs, type, punctuator)
  }

  recordMetadata(): RecordMetadata | null {
    return this.#context.recordMetadata()
  }

  currentStreamTimeMs(): number {
    return this.#context.currentStreamTimeMs()
  }

  currentSystemTimeMs(): number {
    return this.#context.currentSystemTimeMs()
  }

  requestCommit(): void {
    this.#context.requestCommit()
  }

  recordDropped(reason: string): void {
    this.#context.recordDropped(reason)
  }

  savedStreamTimeMs(): number {
    return this.#context.savedStreamTimeMs()
  }

  saveStreamTime(timestampMs: number): void {
    this.#context.saveStreamTime(timestampMs)
  }
}
