// What the tests of hostile values share.

import assert from 'node:assert/strict'

/** What a question gives. Only one that hangs takes longer than the bound. */
export function quickly(question, milliseconds = 30_000) {
  const start = performance.now()
  const answer = question()
  const took = performance.now() - start
  assert.ok(took < milliseconds, `${took} ms`)
  return answer
}

/** Runs with a field on a prototype of everything, and takes it away again. */
export function polluted(prototype, name, descriptor, work) {
  const original = Object.getOwnPropertyDescriptor(prototype, name)
  Object.defineProperty(prototype, name, { configurable: true, enumerable: true, ...descriptor })
  try {
    work()
  } finally {
    delete prototype[name]
    if (original !== undefined) Object.defineProperty(prototype, name, original)
  }
}
