import {
  int64,
  json,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type Record,
  StreamsBuilder,
  string,
  tumbling,
} from 'millrace'
import { stores } from 'millrace/stores'
import { type Flight, parseFlight } from './flight.ts'
import {
  type AirportDelay,
  airportDays,
  airportDelays,
  airports,
  type DayDelay,
  dayMs,
  deadLetters,
  flights,
  longRecords,
} from './topics.ts'

const graceMs = 3653 * dayMs
const retentionMs = 3654 * dayMs
const changelog = { configs: longRecords }

const counters = stores.keyValue({ name: 'flight-counters', key: string, value: int64 })

/**
 * Turns a row's text into a flight. A broken row is counted, then thrown: it goes to the dead-letter topic. A late one
 * (its day's window closed before it came) is counted and goes on. The largest timestamp so far lies beside the counters,
 * so that a restart changes nothing.
 */
class CheckFlight implements Processor<string, string, string, Flight> {
  #context!: ProcessorContext<string, Flight>
  #counters!: KeyValueStore<string, number>

  init(context: ProcessorContext<string, Flight>): void {
    this.#context = context
    this.#counters = context.store('flight-counters')
  }

  process(record: Record<string, string>): void {
    this.#context.forward(record.withValue(this.#check(record)))
  }

  #check(record: Record<string, string>): Flight {
    let flight: Flight
    try {
      flight = parseFlight(JSON.parse(record.value))
    } catch (error) {
      this.#count('broken')
      throw error
    }
    const latest = Math.max(this.#counters.get('latest') ?? 0, record.timestamp)
    this.#counters.put('latest', latest)
    const windowEnd = record.timestamp - (record.timestamp % dayMs) + dayMs
    if (windowEnd + graceMs <= latest) this.#count('late')
    return flight
  }

  #count(what: 'broken' | 'late'): void {
    this.#counters.put(what, (this.#counters.get(what) ?? 0) + 1)
  }
}

/** Flights joined with their airports, summed up per airport, and per airport and day. */
export function flightsTopology() {
  const builder = new StreamsBuilder()
  const airportTable = builder.table(airports, { store: { name: 'airports', changelog } })

  const checked = builder.stream(flights).processValues(() => new CheckFlight(), {
    name: 'check-flight',
    stores: [counters],
    value: json<Flight>(),
    onError: { process: { deadLetter: deadLetters.name } },
  })

  const delays = checked
    .leftJoin(airportTable, (flight, airport) => ({ name: airport?.name ?? null, delay: flight.delay }), {
      value: json<{ name: string | null; delay: number }>(),
    })
    .groupByKey()
    .aggregate(
      (): AirportDelay => ({ name: null, flights: 0, totalDelayMinutes: 0 }),
      (total, { name, delay }) => ({
        name,
        flights: total.flights + 1,
        totalDelayMinutes: total.totalDelayMinutes + delay,
      }),
      { store: { name: 'airport-delays', changelog }, value: json<AirportDelay>(), emit: 'everyUpdate' },
    )
  delays.toStream().to(airportDelays)

  const days = checked
    .groupByKey()
    .windowedBy(tumbling(dayMs, { graceMs }))
    .aggregate(
      (): DayDelay => ({ flights: 0, totalDelayMinutes: 0 }),
      (day, { delay }) => ({ flights: day.flights + 1, totalDelayMinutes: day.totalDelayMinutes + delay }),
      { store: { name: 'airport-days', changelog }, value: json<DayDelay>(), retentionMs },
    )
  days.toStream().to(airportDays)

  return { topology: builder.build(), delays, days }
}
