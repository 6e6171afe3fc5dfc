import { expect } from 'chai'
import { ManualClock } from '../../src/testing/manual-clock.ts'

describe('ManualClock', () => {
  it('stands still until it is moved', () => {
    const clock = new ManualClock(5000)
    expect([clock.now(), clock.monotonic()]).to.deep.equal([5000, 0])
    clock.advance(7)
    expect([clock.now(), clock.monotonic()]).to.deep.equal([5007, 7])
    expect(() => clock.advance(-1)).to.throw(/T1/)
  })

  it('fires timers in the order of their times, each at its own time, then in the order they were set', () => {
    const clock = new ManualClock(0)
    const fired: string[] = []
    const note = (name: string) => () => void fired.push(`${name}@${clock.now()}`)
    clock.timer(20, note('late'))
    clock.timer(10, note('first'))
    clock.timer(10, note('second'))
    clock.timer(31, note('not yet'))
    clock.advance(30)
    expect(fired).to.deep.equal(['first@10', 'second@10', 'late@20'])
    expect([clock.now(), clock.pending]).to.deep.equal([30, 1])
  })

  it('fires timers that timers set, when they come due on the way', () => {
    const clock = new ManualClock(0)
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.now())
      clock.timer(10, again)
    }
    clock.timer(10, again)
    clock.advance(35)
    expect(fired).to.deep.equal([10, 20, 30])
  })

  it('forgets a timer that is cancelled', () => {
    const clock = new ManualClock(0)
    let fired = false
    const timer = clock.timer(1, () => {
      fired = true
    })
    timer.cancel()
    clock.advance(5)
    expect([fired, clock.pending]).to.deep.equal([false, 0])
  })

  it('lets sleepers wake by time or by signal', async () => {
    const clock = new ManualClock()
    const woken: string[] = []
    const stop = new AbortController()
    const slept = Promise.all([
      clock.sleep(10).then(() => woken.push('time')),
      clock.sleep(1000, stop.signal).then(() => woken.push('signal')),
      clock.sleep(1000, AbortSignal.abort()).then(() => woken.push('at once')),
    ])
    await clock.pass(10)
    expect(woken).to.deep.equal(['at once', 'time'])
    stop.abort()
    await slept
    expect(clock.pending).to.equal(0)
  })
})
