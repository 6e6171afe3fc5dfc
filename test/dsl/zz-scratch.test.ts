import { StreamsBuilder, topic, tumbling } from '../../dsl/index.ts'
import { int32, int64, json, string } from '../../src/serdes/index.ts'
interface Order { id: string; customer?: string; amount: number }
const orders = topic('orders', { key: string, value: json<Order>(), partitions: 4 })
const strs = topic('strs', { key: string, value: string })
const b = new StreamsBuilder(); const S = () => b.stream(orders)
export function scratch() {
  const g = S().groupByKey()
  const x1 = g.aggregate(() => ({ n: 0 }), (a, o) => ({ n: a.n + o.amount }), { value: json() })
  const n1: typeof x1 extends { toStream(): infer Q } ? Q : never = null
  const x2 = g.aggregate(() => [], (a, o) => [...a, o.id], { value: json<string[]>() })
  const n2: typeof x2 extends { toStream(): infer Q } ? Q : never = null
  const x3 = g.aggregate(() => ({}), (a, o) => ({ ...a, [o.id]: 1 }), { value: json<Record<string, number>>() })
  const n3: typeof x3 extends { toStream(): infer Q } ? Q : never = null
  const x4 = g.aggregate(() => null, (a, o) => o.id, { value: string })
  const n4: typeof x4 extends { toStream(): infer Q } ? Q : never = null
  const x5 = g.aggregate(() => 0, (a, o) => a + o.amount, { value: json() })
  const n5: typeof x5 extends { toStream(): infer Q } ? Q : never = null
  g.aggregate(async () => 0, (a, o) => a, { value: json() })
  g.aggregate(() => Promise.resolve(0), (a, o) => a, { value: json<Promise<number>>() })
  g.windowedBy(tumbling(1)).aggregate(() => ({ n: 0 }), (a, o) => ({ n: a.n + o.amount }), { value: json() })
  g.aggregate((): string[] => [], (a, o) => [...a, o.id], { value: json() })
  g.aggregate(() => 0, (a, o) => 'x', { value: json() })
  g.aggregate(() => new Map<string, number>(), (a, o) => a.set('a', 1), { value: json() })
  g.aggregate(() => ({ n: 0, last: null as string | null }), (a, o) => ({ n: 1, last: o.id }), { value: json() })
  g.aggregate(() => 'a' as 'a' | 'b', (a, o) => 'b', { value: json() })
  g.aggregate(() => 0, (a, o) => a, { value: string })
}
