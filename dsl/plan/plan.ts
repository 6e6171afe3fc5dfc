/**
 * What a StreamsBuilder draws on: the steps in the order they were attached, and the one counter of generated names.
 *
 * Laws
 *  P1  a step is attached after its parents
 *  P2  a number of the counter is used once; a step that was named uses its number up all the same, as in Kafka Streams, so that
 *      naming one step does not rename the others
 */
import { assert } from '../../src/base/assert.ts'
import type { ErrorPolicies } from '../../src/processor/error-policy.ts'
import type { StepOptions } from '../options.ts'
import type { PlanNode } from './node.ts'

export const noPolicies: ErrorPolicies = Object.freeze({})

export class Plan {
  #nextIndex = 0
  readonly #attached: PlanNode[] = []

  /** In the order of attachment; a step that was attached again stands twice. */
  get attached(): readonly PlanNode[] {
    return this.#attached
  }

  /** The name of a node: the one given, or `<prefix><number>`. */
  nodeName(prefix: string, given?: string): string {
    const generated = this.#generate(prefix)
    return given ?? generated
  }

  /** What every step has: its name, the one given or a generated one, and its error policies. */
  named(prefix: string, { name, onError }: StepOptions): { readonly name: string; readonly onError: ErrorPolicies } {
    return { name: this.nodeName(prefix, name), onError: onError ?? noPolicies }
  }

  /** The name of a store: the one given, or `<prefix>STATE-STORE-<number>`. Only a generated one uses a number up. */
  storeName(prefix: string, given?: string): string {
    return given ?? this.#generate(`${prefix}STATE-STORE-`)
  }

  attach<N extends PlanNode>(node: N): N {
    for (const parent of node.parents)
      assert(this.#attached.includes(parent), 'P1: a step is attached after its parents')
    Object.freeze(node)
    this.#attached.push(node)
    return node
  }

  #generate(prefix: string): string {
    return prefix + String(this.#nextIndex++).padStart(10, '0')
  }
}
