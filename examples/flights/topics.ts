import { json, string, timeWindowed, topic } from 'millrace'

export const dayMs = 24 * 60 * 60 * 1000

export interface Airport {
  readonly iata: string
  readonly name: string
  readonly city: string
  readonly state: string
  readonly country: string
  readonly latitude: string
  readonly longitude: string
}

/** What is known of an airport after each of its flights; name null: not in the airports file. */
export interface AirportDelay {
  readonly name: string | null
  readonly flights: number
  readonly totalDelayMinutes: number
}

export interface DayDelay {
  readonly flights: number
  readonly totalDelayMinutes: number
}

/** How far a file has been read, and which bytes it had. */
export interface IngestPosition {
  readonly rows: number
  readonly size: number
  readonly sha256: string
}

const compacted = { 'cleanup.policy': 'compact' }
/** A row may be as long as it likes, within reason; what comes of it has an origin, a name or a cause more. */
export const rowBytesMax = 15 * 1024 * 1024
export const longRecords = { 'max.message.bytes': String(64 * 1024 * 1024) }

export const flights = topic('flights', { key: string, value: string, partitions: 4, configs: longRecords })
export const airports = topic('airports', {
  key: string,
  value: json<Airport>(),
  partitions: 4,
  configs: { ...compacted, ...longRecords },
})
export const flightsIngest = topic('flights-ingest', {
  key: string,
  value: json<IngestPosition>(),
  partitions: 1,
  configs: compacted,
})
export const airportDelays = topic('airport-delays', {
  key: string,
  value: json<AirportDelay>(),
  partitions: 4,
  configs: longRecords,
})
export const airportDays = topic('airport-days', {
  key: timeWindowed(string, dayMs),
  value: json<DayDelay>(),
  partitions: 4,
  configs: longRecords,
})
export const deadLetters = topic('flights-dead-letters', {
  key: string,
  value: string,
  partitions: 1,
  configs: longRecords,
})

export const allTopics = [flights, airports, flightsIngest, airportDelays, airportDays, deadLetters]
