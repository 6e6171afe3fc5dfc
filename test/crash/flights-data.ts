import type { Random } from '../../src/base/random.ts'

/** Random flights files: known and unknown airports, every kind of broken row, ties, rows years apart if they may be. */
const origins = ['BMI', 'ORD', 'SMF', 'ATL', 'DFW', 'LAX', 'QQQ', 'ZZ', 'île', 'JFK', 'SEA', 'DEN']

export const airportsCsv = `iata,name,city,state,country,latitude,longitude
BMI,Central Illinois Regional,Bloomington,IL,USA,40.4,-88.9
ORD,"O'Hare, first",Chicago,IL,USA,41.9,-87.9
ORD,"O'Hare ""the last""
counts",Chicago,IL,USA,41.9,-87.9
SMF,Sacramento,Sacramento,CA,USA,38.7,-121.6
ATL,Hartsfield,Atlanta,GA,USA,33.6,-84.4
DFW,Dallas,Dallas,TX,USA,32.9,-97.0
LAX,Los Angeles,Los Angeles,CA,USA,33.9,-118.4
JFK,Kennedy,New York,NY,USA,40.6,-73.8
SEA,Tacoma,Seattle,WA,USA,47.4,-122.3
DEN,Denver,Denver,CO,USA,39.8,-104.7
`

const pad = (value: number, width: number): string => String(value).padStart(width, '0')

function date(random: Random, wide: boolean): string {
  const year = wide && random.int(100) === 0 ? 1971 + random.int(60) : 2001 + random.int(2)
  return `${year}/${pad(1 + random.int(12), 2)}/${pad(1 + random.int(28), 2)} ${pad(random.int(24), 2)}:${pad(random.int(60), 2)}`
}

function brokenRow(random: Random): string {
  const good = '"date":"2001/01/14 21:55","delay":12,"distance":480'
  const rows = [
    'null',
    '7',
    '"row"',
    '[1,2]',
    '{}',
    `{${good}}`,
    `{${good},"origin":""}`,
    `{${good},"origin":5}`,
    '{"date":"2001/02/30 10:00","delay":1,"origin":"ORD"}',
    '{"date":"1970/12/31 23:59","delay":1,"origin":"ORD"}',
    '{"date":"2001/01/01 24:00","delay":1,"origin":"ORD"}',
    '{"date":"2001-01-01 10:00","delay":1,"origin":"ORD"}',
    '{"date":"2001/01/01 10:00","delay":1.5,"origin":"ORD"}',
    '{"date":"2001/01/01 10:00","delay":true,"origin":"ORD"}',
    '{"date":"2001/01/01 10:00","delay":1e400,"origin":"ORD"}',
    '{"date":"2001/01/01 10:00","origin":"ORD"}',
  ]
  return rows[random.int(rows.length)]!
}

/** `wide`: with rows years apart, after which most days are late; else all days are kept. */
export function randomFlights(random: Random, rows: number, wide = true): string {
  const lines: string[] = []
  for (let index = 0; index < rows; index++) {
    if (random.int(50) === 0) lines.push(brokenRow(random))
    else {
      const delay = random.int(20) === 0 ? '1.0' : String(random.int(200) - 40)
      const origin = origins[random.int(origins.length)]!
      lines.push(
        `{"date":"${date(random, wide)}","delay":${delay},"distance":480,"origin":"${origin}","destination":"SAN"}`,
      )
    }
  }
  return `[${lines.join(',\n')}]`
}
