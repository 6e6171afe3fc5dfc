import type { Serde } from '../../src/base/serde.ts'
import type { ErrorPolicies } from '../../src/processor/error-policy.ts'
import type { PlanNode, RepartitionNode } from './node.ts'
import { noPolicies, type Plan } from './plan.ts'

const suffix = '-repartition'

export interface RepartitionDrawing {
  /** The topic is named `<prefix>-repartition`. */
  readonly prefix: string
  readonly partitions?: number | undefined
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  readonly onError?: ErrorPolicies | undefined
}

/**
 * Draws a repartition topic with its filter, sink and source, not attached yet. Three numbers are used up in any case. The nodes are
 * named after the topic, unless its name was generated: then they have generated names too, as in Kafka Streams.
 */
export function drawRepartition(plan: Plan, parent: PlanNode, drawing: RepartitionDrawing): RepartitionNode {
  const { prefix, key, value } = drawing
  const topicName = prefix.endsWith(suffix) ? prefix : prefix + suffix
  const given = (role: string): string | undefined => {
    return /^KSTREAM.*-[0-9]{10}$/.test(prefix) ? undefined : `${topicName}-${role}`
  }
  const sinkName = plan.nodeName('KSTREAM-SINK-', given('sink'))
  const filterName = plan.nodeName('KSTREAM-FILTER-', given('filter'))
  const name = plan.nodeName('KSTREAM-SOURCE-', given('source'))
  return {
    kind: 'repartition',
    name,
    filterName,
    sinkName,
    parents: [parent],
    topic: Object.freeze({ name: topicName, partitions: drawing.partitions ?? null }),
    keySerde: key,
    valueSerde: value,
    onError: drawing.onError ?? noPolicies,
  }
}
