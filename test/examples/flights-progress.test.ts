import { expect } from 'chai'
import { Progress } from '../../examples/flights/progress.ts'

function start(isTTY: boolean) {
  const written: string[] = []
  const progress = new Progress({ isTTY, write: (text: string | Uint8Array) => written.push(String(text)) > 0 })
  return { progress, written }
}

const clear = '\r\x1b[2K'

describe('The progress of the flights program', () => {
  it('makes room for a line on a terminal, and draws itself again', () => {
    const { progress, written } = start(true)
    progress.show('process', 10, 10)
    progress.line('warning: something')
    progress.show('process', 20, 20)
    progress.end()
    expect(written).to.deep.equal([
      `${clear}process 10 / 10 (100 %)`,
      `${clear}warning: something\n`,
      `${clear}process 20 / 20 (100 %)`,
      '\n',
    ])
  })

  it('is plain lines elsewhere', () => {
    const { progress, written } = start(false)
    progress.show('process', 2000, 2000)
    progress.line('warning: something')
    progress.end()
    expect(written).to.deep.equal(['process 2,000 / 2,000 (100 %)\n', 'warning: something\n'])
  })

  it('tells of what is left out the first of each kind, then the second, fourth, eighth', () => {
    const { progress, written } = start(false)
    const record = { taskId: '0_0', node: 'check-flight', detail: 'no date' }
    for (let offset = 0; offset < 10; offset++)
      progress.dropped({ ...record, reason: 'process-error', place: `flights-0@${offset}` })
    progress.dropped({ ...record, reason: 'other', place: 'flights-0@10', detail: '' })
    expect(written).to.deep.equal([
      'check-flight left out flights-0@0 (process-error: no date); 1 of this kind so far\n',
      'check-flight left out flights-0@1 (process-error: no date); 2 of this kind so far\n',
      'check-flight left out flights-0@3 (process-error: no date); 4 of this kind so far\n',
      'check-flight left out flights-0@7 (process-error: no date); 8 of this kind so far\n',
      'check-flight left out flights-0@10 (other); 1 of this kind so far\n',
    ])
  })
})
