import { expect } from 'chai'
import { int64, StreamsBuilder, string, topic, tumbling } from 'millrace'
import { TopologyTestDriver } from 'millrace/testing'

const clicks = topic('clicks', { key: string, value: string })
const perMinute = topic('clicks-per-minute', { key: string, value: int64 })

it('counts clicks per minute', async () => {
  const builder = new StreamsBuilder()
  const counts = builder
    .stream(clicks)
    .groupByKey()
    .windowedBy(tumbling(60_000, { graceMs: 5_000 }))
    .count()
  counts
    .toStream()
    .selectKey((_count, windowed) => `${windowed.key}@${windowed.startMs}`, { key: string })
    .to(perMinute)

  await using driver = await TopologyTestDriver.start(builder.build())
  const input = driver.input(clicks)
  await input.pipe({ key: 'ada', value: '/home', timestampMs: 1_000 })
  await input.pipe({ key: 'ada', value: '/shop', timestampMs: 61_000 })
  await input.pipe({ key: 'ada', value: '/late', timestampMs: 59_000 }) // inside the grace period: still counted
  expect(
    driver
      .output(perMinute)
      .readAll()
      .map(({ key, value }) => [key, value]),
  ).to.deep.equal([
    ['ada@0', 1],
    ['ada@60000', 1],
    ['ada@0', 2],
  ])
})
