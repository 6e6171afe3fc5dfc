/**
 * The registry of metrics: Kafka Streams' names, one number each, with the labels Kafka gives them. Read by `metrics()`.
 */
export interface Metric {
  readonly name: string
  readonly labels: { readonly [label: string]: string }
  readonly value: number
}

type Labels = Metric['labels']

const noLabels: Labels = Object.freeze({})

export class MetricRegistry {
  readonly #values = new Map<string, { readonly name: string; readonly labels: Labels; value: number }>()

  /** Counts up. */
  add(name: string, amount: number, labels: Labels = noLabels): void {
    this.#cell(name, labels).value += amount
  }

  /** Replaces. */
  set(name: string, value: number, labels: Labels = noLabels): void {
    this.#cell(name, labels).value = value
  }

  /** The larger of what is there and this. */
  max(name: string, value: number, labels: Labels = noLabels): void {
    const cell = this.#cell(name, labels)
    if (value > cell.value) cell.value = value
  }

  get(name: string, labels: Labels = noLabels): number {
    return this.#values.get(keyOf(name, labels))?.value ?? 0
  }

  /** The sum over all labels. */
  total(name: string): number {
    let sum = 0
    for (const cell of this.#values.values()) if (cell.name === name) sum += cell.value
    return sum
  }

  /** All of them, by name and labels. */
  snapshot(): Metric[] {
    const keys = [...this.#values.keys()].sort()
    return keys.map((key) => ({ ...this.#values.get(key)! }))
  }

  #cell(name: string, labels: Labels): { value: number } {
    const key = keyOf(name, labels)
    let cell = this.#values.get(key)
    if (cell === undefined) {
      cell = { name, labels, value: 0 }
      this.#values.set(key, cell)
    }
    return cell
  }
}

function keyOf(name: string, labels: Labels): string {
  const parts = Object.keys(labels)
    .sort()
    .map((label) => `${label}=${labels[label]}`)
  return parts.length === 0 ? name : `${name}{${parts.join(',')}}`
}
