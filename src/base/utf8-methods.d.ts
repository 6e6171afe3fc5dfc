// Node's Buffer has these since its first versions; @types/node leaves them out. They skip the argument parsing of
// toString/write, which is most of the cost of decoding a short text.
declare global {
  interface Buffer {
    utf8Slice(start: number, end: number): string
    latin1Slice(start: number, end: number): string
    utf8Write(text: string, position: number): number
    latin1Write(text: string, position: number): number
  }
}

export {}
