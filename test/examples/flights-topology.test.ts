import { expect } from 'chai'
import { TopologyTestDriver } from 'millrace/testing'
import { airportDays, airportDelays, airports, deadLetters, flights } from '../../examples/flights/topics.ts'
import { flightsTopology } from '../../examples/flights/topology.ts'

const row = (date: string, delay: number, origin: string): string =>
  JSON.stringify({ date, delay, distance: 1, origin, destination: 'X' })
const time = (date: string): number => Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}:00Z`)

async function start() {
  const plan = flightsTopology()
  const driver = await TopologyTestDriver.start(plan.topology, { applicationId: 'flights' })
  const pipe = (date: string, delay: number, origin: string): Promise<void> =>
    driver.input(flights).pipe({ key: origin, value: row(date, delay, origin), timestampMs: time(date) })
  const airport = { iata: 'BMI', name: 'Bloomington', city: '', state: '', country: '', latitude: '', longitude: '' }
  await driver.input(airports).pipe({ key: 'BMI', value: airport, timestampMs: 0 })
  return { plan, driver, pipe }
}

describe('The flights topology', () => {
  it('tells an airport’s totals after every single flight, with its name', async () => {
    const { driver, pipe } = await start()
    await pipe('2001/01/14 21:55', 12, 'BMI')
    await pipe('2001/01/14 20:00', -2, 'BMI')
    await pipe('2001/01/15 01:00', 3, 'ZZZ')
    const told = driver
      .output(airportDelays)
      .readAll()
      .map(({ key, value, timestampMs }) => [key, value, timestampMs])
    expect(told).to.deep.equal([
      ['BMI', { name: 'Bloomington', flights: 1, totalDelayMinutes: 12 }, time('2001/01/14 21:55')],
      ['BMI', { name: 'Bloomington', flights: 2, totalDelayMinutes: 10 }, time('2001/01/14 21:55')],
      ['ZZZ', { name: null, flights: 1, totalDelayMinutes: 3 }, time('2001/01/15 01:00')],
    ])
    await driver.close()
  })

  it('sums up by UTC day', async () => {
    const { driver, pipe } = await start()
    await pipe('2001/01/14 23:59', 10, 'BMI')
    await pipe('2001/01/15 00:00', 5, 'BMI')
    await pipe('2001/01/14 00:00', 1, 'BMI')
    const told = driver
      .output(airportDays)
      .readAll()
      .map(({ key, value }) => [key?.startMs, value])
    expect(told).to.deep.equal([
      [time('2001/01/14 00:00'), { flights: 1, totalDelayMinutes: 10 }],
      [time('2001/01/15 00:00'), { flights: 1, totalDelayMinutes: 5 }],
      [time('2001/01/14 00:00'), { flights: 2, totalDelayMinutes: 11 }],
    ])
    await driver.close()
  })

  for (const broken of [
    'null',
    '[]',
    '5',
    '{}',
    '{"date":"2001/02/30 10:00","delay":1,"origin":"A"}',
    row('2001/01/01 10:00', 1.5, 'A'),
  ]) {
    it(`sends a broken row to the dead letters byte for byte, and counts it: ${broken}`, async () => {
      const { driver } = await start()
      await driver.input(flights).pipe({ key: '7', value: broken, timestampMs: 0 })
      const [letter] = driver.output(deadLetters).readAll()
      expect(letter?.value).to.equal(broken)
      expect(letter?.key).to.equal('7')
      expect(letter?.headers.map(({ key }) => key)).to.deep.equal([
        '__streams.errors.exception',
        '__streams.errors.message',
        '__streams.errors.stacktrace',
        '__streams.errors.topic',
        '__streams.errors.partition',
        '__streams.errors.offset',
      ])
      await driver.close()
    })
  }

  it('counts a late flight in the totals, not in its day', async () => {
    const { driver, pipe } = await start()
    await pipe('2001/01/14 10:00', 1, 'BMI')
    await pipe('2015/01/14 10:00', 1, 'BMI')
    await pipe('2001/01/14 10:00', 1, 'BMI')
    expect(driver.output(airportDelays).readValues().at(-1)).to.deep.include({ flights: 3 })
    expect(driver.output(airportDays).readAll()).to.have.length(2)
    await driver.close()
  })
})
