import { expect } from 'chai'
import { StreamError } from '../../src/base/errors.ts'
import type { Files, OpenFile } from '../../src/base/files.ts'

/** A disk to test: `directory` is there and empty. */
export interface FilesUnderTest {
  readonly files: Files
  readonly directory: string
  done(): void
}

function refused(run: () => unknown): void {
  expect(run)
    .to.throw()
    .and.satisfy((error: unknown) => StreamError.is(error, 'DISK_FAILED'))
}

function put(file: OpenFile, text: string, position: number): void {
  const bytes = Buffer.from(text)
  file.write(bytes, 0, bytes.length, position)
}

function write(files: Files, path: string, text: string): void {
  const file = files.open(path, 'write')
  file.truncate(0)
  put(file, text, 0)
  file.close()
}

/** What every `Files` does: run on the system's disk and on the simulated one. */
export function filesSuite(name: string, make: () => FilesUnderTest): void {
  describe(`${name} as Files`, () => {
    let disk: FilesUnderTest
    let files: Files
    let path: (name: string) => string

    beforeEach(() => {
      disk = make()
      files = disk.files
      path = (file) => `${disk.directory}/${file}`
    })
    afterEach(() => disk.done())

    it('reads back what was written, at any position', () => {
      const file = files.open(path('a'), 'write')
      put(file, 'hello world', 0)
      put(file, 'W', 6)
      const bytes = Buffer.alloc(8, '.')
      expect(file.read(bytes, 1, 5, 6)).to.equal(5)
      expect(bytes.toString()).to.equal('.World..')
      expect(file.size()).to.equal(11)
      expect(file.path).to.equal(path('a'))
      file.close()
      expect(files.read(path('a')).toString()).to.equal('hello World')
    })

    it('writes a part of a buffer', () => {
      const file = files.open(path('a'), 'write')
      file.write(Buffer.from('abcdef'), 2, 3, 0)
      expect(files.read(path('a')).toString()).to.equal('cde')
      file.close()
    })

    it('reads fewer bytes at the end of a file, and none behind it', () => {
      write(files, path('a'), 'abc')
      const file = files.open(path('a'), 'read')
      expect(file.read(Buffer.alloc(10), 0, 10, 1)).to.equal(2)
      expect(file.read(Buffer.alloc(10), 0, 10, 3)).to.equal(0)
      expect(file.read(Buffer.alloc(10), 0, 10, 50)).to.equal(0)
      file.close()
    })

    it('fills a hole with zeros', () => {
      const file = files.open(path('a'), 'write')
      put(file, 'x', 10_000)
      expect(file.size()).to.equal(10_001)
      expect(files.read(path('a')).subarray(0, 10_000).equals(Buffer.alloc(10_000))).to.equal(true)
      file.close()
    })

    it('truncates, and what grows again afterwards is zero', () => {
      const file = files.open(path('a'), 'write')
      put(file, 'abcdef', 0)
      file.truncate(2)
      expect(files.read(path('a')).toString()).to.equal('ab')
      file.truncate(4)
      expect(files.read(path('a')).toString()).to.equal('ab\0\0')
      put(file, 'z', 5)
      expect(files.read(path('a')).toString()).to.equal('ab\0\0\0z')
      file.close()
    })

    it('opens a file that is there for writing without emptying it', () => {
      write(files, path('a'), 'abc')
      const file = files.open(path('a'), 'write')
      expect(file.size()).to.equal(3)
      file.close()
    })

    it('shows one handle what another wrote', () => {
      const writer = files.open(path('a'), 'write')
      const reader = files.open(path('a'), 'read')
      put(writer, 'abc', 0)
      expect(reader.size()).to.equal(3)
      writer.close()
      reader.close()
    })

    it('refuses to open for reading what is not there, and to create in a folder that is not there', () => {
      refused(() => files.open(path('a'), 'read'))
      refused(() => files.open(path('no/a'), 'write'))
      refused(() => files.read(path('a')))
      refused(() => files.remove(path('a')))
      refused(() => files.rename(path('a'), path('b')))
      refused(() => files.list(path('no')))
    })

    it('refuses a handle that is closed, and closes twice', () => {
      const file = files.open(path('a'), 'write')
      file.close()
      file.close()
      refused(() => put(file, 'x', 0))
      refused(() => file.size())
    })

    it('makes folders with their parents, again without harm', () => {
      files.makeDirectory(path('x/y/z'))
      files.makeDirectory(path('x/y/z'))
      expect(files.exists(path('x/y'))).to.equal(true)
      expect(files.exists(path('x/q'))).to.equal(false)
      expect(files.list(path('x'))).to.deep.equal(['y'])
    })

    it('lists names by code unit', () => {
      for (const name of ['b', 'B', 'a', '10', '9']) write(files, path(name), '')
      expect(files.list(disk.directory)).to.deep.equal(['10', '9', 'B', 'a', 'b'])
    })

    it('renames over a file that is there', () => {
      write(files, path('a'), 'new')
      write(files, path('b'), 'old')
      files.rename(path('a'), path('b'))
      expect(files.exists(path('a'))).to.equal(false)
      expect(files.read(path('b')).toString()).to.equal('new')
    })

    it('renames a folder with all that is in it', () => {
      files.makeDirectory(path('x'))
      write(files, path('x/a'), 'abc')
      files.rename(path('x'), path('y'))
      expect(files.read(path('y/a')).toString()).to.equal('abc')
      expect(files.exists(path('x'))).to.equal(false)
    })

    it('keeps a removed file readable for those who have it open', () => {
      write(files, path('a'), 'abc')
      const file = files.open(path('a'), 'read')
      files.remove(path('a'))
      expect(files.exists(path('a'))).to.equal(false)
      expect(file.read(Buffer.alloc(3), 0, 3, 0)).to.equal(3)
      file.close()
    })

    it('removes a tree; one that is not there is fine', () => {
      files.makeDirectory(path('x/y'))
      write(files, path('x/y/a'), 'abc')
      files.removeTree(path('x'))
      files.removeTree(path('x'))
      expect(files.list(disk.directory)).to.deep.equal([])
    })

    it('syncs files and folders', async () => {
      const file = files.open(path('a'), 'write')
      put(file, 'abc', 0)
      await file.sync()
      await files.syncDirectory(disk.directory)
      file.close()
    })

    it('says how much room is left', () => {
      expect(files.freeBytes(disk.directory)).to.be.greaterThan(1024)
    })
  })
}
