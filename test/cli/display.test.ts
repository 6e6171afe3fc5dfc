import { PassThrough } from 'node:stream'
import { expect } from 'chai'
import { type Display, LineDisplay, LiveDisplay } from '../../src/cli/display.ts'

function screen(): PassThrough & { text(): string } {
  const stream = new PassThrough()
  return Object.assign(stream, { isTTY: true, columns: 120, text: () => String(stream.read() ?? '') })
}

/** The story of a start: a store is restored, then the input is read. */
function tell(display: Display): void {
  display.state('rebalancing')
  display.restore({ taskId: '0_1', store: 'counts', stage: 'start', restored: 0, remaining: 2000 })
  display.restore({ taskId: '0_1', store: 'counts', stage: 'batch', restored: 500, remaining: 1500 })
  display.restore({ taskId: '0_1', store: 'counts', stage: 'end', restored: 1990, remaining: 0 })
  display.state('running')
  display.input(0, 4000)
  display.input(3000, 1000)
  display.input(4000, 0)
  display.input(4000, 0)
  display.note('closing')
  display.close()
}

describe('LineDisplay', () => {
  it('writes one plain line for each thing that happens', () => {
    const stream = screen()
    tell(new LineDisplay(stream))
    expect(stream.text().split('\n')).to.deep.equal([
      'state rebalancing',
      'restoring counts of task 0_1: 2,000 offsets',
      'restored counts of task 0_1: 1,990 records',
      'state running',
      'processed 0 records, 4,000 behind',
      'processed 3,000 records, 1,000 behind',
      'processed 4,000 records, 0 behind',
      'closing',
      '',
    ])
  })

  it('is silent about stores that have nothing to restore', () => {
    const stream = screen()
    const display = new LineDisplay(stream)
    display.restore({ taskId: '0_0', store: 'counts', stage: 'start', restored: 0, remaining: 0 })
    display.restore({ taskId: '0_0', store: 'counts', stage: 'end', restored: 0, remaining: 0 })
    expect(stream.text()).to.equal('')
  })
})

describe('LiveDisplay', () => {
  it('draws the state, the restore and the ingest, and leaves the cursor as it was', () => {
    const stream = screen()
    const display = new LiveDisplay(stream)
    display.state('rebalancing')
    display.restore({ taskId: '0_1', store: 'counts', stage: 'batch', restored: 500, remaining: 1500 })
    display.input(3000, 1000)
    display.close()
    const text = stream.text()
    expect(text).to.include('rebalancing · 3,000 records processed · 1,000 behind')
    expect(text).to.include('restore counts of task 0_1 [')
    expect(text).to.include('] 25 %  500 / 2,000')
    expect(text).to.match(/ingest \[-+\] 0 % {2}0 \/ 1,000/)
    expect(text.lastIndexOf('[?25h'), 'the cursor is shown again').to.be.greaterThan(text.lastIndexOf('[?25l'))
  })

  it('tells the same story without an error, and ends', () => {
    const stream = screen()
    tell(new LiveDisplay(stream))
    expect(stream.text()).to.include('closing')
  })
})
