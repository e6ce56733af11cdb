// Hostile values where policies are explained and compared. What stands in every question stands in abuse.test.mjs.
// The groups, in this order:
//
// - what is no policy, in either place: never an answer that could be taken for a yes
// - prototypes that are polluted and builtins that are patched: results are as without
// - policies of 10,000 entries, and entries that cut each other

import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import { ALL_TRAFFIC, Policy, PolicyError, diff, equivalent, tightens, widening } from 'sandgate'
import { polluted, quickly } from './hostile.mjs'

const comparisons = { diff, widening, tightens, equivalent }
const closed = new Policy({ allowIn: ['203.0.113.0/24:443'], denyIn: [ALL_TRAFFIC], allowOut: ['*.example.com'], denyOut: [ALL_TRAFFIC] })
const open = new Policy({})

// What is no policy.

test('what is no policy is compared with nothing', () => {
  class Copy { config = {}; save() { return closed.save() } }
  const strangers = [
    undefined, null, true, false, 0, 1, NaN, '', 'policy', closed.save(), Symbol('x'), 1n, () => closed, Policy, [closed], [], {}, { policy: closed }, new Map(), new Copy(),
    closed.config, closed.toJSON(), Promise.resolve(closed), new Proxy(closed, {}), new Proxy(() => {}, {}), Object.create(closed), Object.create(Policy.prototype), Policy.prototype,
    new Proxy({}, { getPrototypeOf: () => Policy.prototype, has: () => true, get: () => () => true }), Object.setPrototypeOf({}, Policy.prototype),
    { __proto__: Policy.prototype, '#compiled': closed }, vm.runInNewContext('({})'), vm.runInNewContext('new (class Policy {})()'), structuredClone(closed),
  ]
  for (const [name, compare] of Object.entries(comparisons)) {
    for (const value of strangers) {
      for (const pair of [[value, closed], [closed, value], [value, value]]) assert.throws(() => compare(...pair), TypeError, `${name} ${typeof value}`)
    }
    assert.throws(() => compare(closed), TypeError)
    assert.throws(() => compare(), TypeError)
  }
})

test('a subclass is compared as the policy that it is', () => {
  class Open extends Policy {
    save() { return open.save() }
    get config() { return {} }
    equals() { return true }
  }
  const disguised = new Open(closed.config)
  assert.equal(tightens(disguised, open), false)
  assert.equal(equivalent(disguised, open), false)
  assert.ok(equivalent(disguised, closed))
  class Another extends Policy { constructor() { super({}); return { equals: () => true } } }
  assert.throws(() => equivalent(new Another(), open), TypeError)
})

test('comparisons need no receiver, and are no constructors of anything', () => {
  for (const [name, compare] of Object.entries(comparisons)) {
    for (const receiver of [undefined, null, {}, closed, 1]) assert.deepEqual(compare.call(receiver, closed, open, {}, 1), compare(closed, open), name)
  }
})

test('a destination that changes while it is read is asked about once', () => {
  let asked = 0
  const destination = { get address() { asked += 1; return asked === 1 ? '198.51.100.7' : '10.0.0.1' }, port: 443 }
  assert.equal(closed.explainEgress(destination).input.address, '198.51.100.7')
  assert.equal(asked, 1)
  assert.throws(() => closed.explainEgress({ address: '198.51.100.7', port: 443, host: 'a', sni: 'a' }), TypeError)
  assert.throws(() => closed.explainEgress('198.51.100.7', 443), TypeError)
  assert.throws(() => closed.explainEgress({ address: 'example.com', port: 443 }), RangeError)
})

test('results do not change', () => {
  const explanation = closed.explainEgress({ address: '198.51.100.7', port: 443, sni: 'api.example.com' })
  for (const change of [
    () => { explanation.verdict = 'allow' }, () => { delete explanation.entry }, () => { explanation.entry.list = 'x' }, () => explanation.flips.push({}), () => { explanation.addresses[0].steps.length = 0 },
    () => { diff(closed, open).changes[0].regions[0].witness.after.verdict = 'deny' }, () => Object.setPrototypeOf(explanation, { allowed: true }), () => Object.defineProperty(explanation, 'allowed', { value: true }),
  ]) assert.throws(change, TypeError)
})

// Prototypes and builtins.

const destination = { address: '64:ff9b::c633:6407', port: 443, sni: 'api.example.com' }
const told = () => [closed.explainIngress(null, 443), closed.explainIngress('198.51.100.7', 443), closed.explainEgress(destination), diff(closed, open), widening(open, closed), tightens(closed, open), equivalent(closed, open)]
const expected = told()

test('a polluted prototype changes no result', () => {
  const names = new Set(['0', '1', 'toJSON', 'then', 'allowed', 'constructor', 'errors', 'hasOwnProperty', 'sni'])
  JSON.stringify(expected, (name, value) => { if (name !== '') names.add(name); return value })
  const raise = () => { throw new Error('asked') }
  for (const prototype of [Object.prototype, Array.prototype]) {
    for (const name of names) {
      for (const descriptor of [{ value: 'allow', writable: true }, { value: true, writable: false }, { get: raise, set: raise }]) {
        let results
        polluted(prototype, name, descriptor, () => { results = told() })
        assert.deepEqual(results, expected, name)
      }
    }
  }
})

test('builtins that are patched later change no result', () => {
  const patched = [
    [JSON, 'parse'], [JSON, 'stringify'], [Object, 'keys'], [Object, 'freeze'], [Object, 'hasOwn'], [Object, 'isFrozen'], [Array, 'isArray'], [Array.prototype, Symbol.iterator], [Array.prototype, 'map'],
    [Array.prototype, 'push'], [String.prototype, 'split'], [Function.prototype, 'call'], [Function.prototype, 'apply'], [Function.prototype, 'bind'], [Reflect, 'ownKeys'], [Reflect, 'apply'], [Object, 'getPrototypeOf'],
    [Policy.prototype, 'equals'], [Policy.prototype, 'save'], [Policy, Symbol.hasInstance],
  ]
  for (const [owner, name] of patched) {
    const original = Object.getOwnPropertyDescriptor(owner, name)
    let results
    Object.defineProperty(owner, name, { value: () => true, configurable: true, writable: true })
    try {
      results = told()
    } finally {
      if (original === undefined) delete owner[name]
      else Object.defineProperty(owner, name, original)
    }
    assert.deepEqual(results, expected, String(name))
    const [explanation, , , difference] = results
    assert.ok(Object.isFrozen(explanation.addresses[0].steps[0]) && Object.isFrozen(difference.changes[0].regions), String(name))
  }
})

// Sizes.

const COUNT = 10_000
const many = (entry) => Array.from({ length: COUNT }, (_, index) => entry(index))

const size = (result) => JSON.stringify(result).length

test('two policies of 10,000 entries are compared and explained at once', () => {
  const network = (index, step) => `${11 + (index * step) % 89}.${index % 256}.${index >> 8}.0/${24 + (index % 9)}`
  const pairs = {
    ports: [(index) => `203.0.${index >> 8}.${index % 256}:${1 + index}-${30_000 + index}`, (index) => `203.0.${index >> 8}.${index % 256}:${2 + index}-${40_000 + index}`].map((entry) => ({ denyIn: many(entry) })),
    nested: [0, 1].map((shift) => ({ denyIn: many((index) => `10.${index >> 8}.${(index + shift) % 256}.0/24:${1 + (index * 7) % 60_000}`) })),
    networks: [3, 7].map((step) => ({ allowOut: many((index) => network(index, step)), denyOut: [ALL_TRAFFIC] })),
    names: ['a', 'b'].map((letter) => ({ allowOut: many((index) => `${index % 2 === 0 ? '*.' : ''}${letter}${index}.example.com`), denyOut: [ALL_TRAFFIC] })),
    exceptions: [['*.example.com'], many((index) => `a${index}.example.com`)].map((allowOut) => ({ allowOut, denyOut: [ALL_TRAFFIC] })),
  }
  for (const [name, documents] of Object.entries(pairs)) {
    const [before, after] = documents.map((document) => new Policy(document))
    const difference = quickly(() => diff(before, after))
    assert.ok(difference.changes.length > 0, name)
    assert.ok(size(difference) < 2_000 * COUNT, `${name} ${size(difference)}`)
    assert.ok(size(quickly(() => widening(before, after))) <= size(difference), name)
    assert.equal(quickly(() => tightens(before, after)), widening(before, after).changes.length === 0, name)
    assert.equal(quickly(() => equivalent(before, after)), false)
    assert.ok(equivalent(before, before))
    for (const compiled of [before, after]) {
      for (const explain of [() => compiled.explainIngress('203.0.113.7', 443), () => compiled.explainEgress({ ...destination, sni: 'a1.example.com' })]) {
        assert.ok(size(quickly(explain)) < 100_000, name)
      }
    }
  }
})

test('entries that all match are counted beyond the limit', () => {
  const wide = new Policy({ denyIn: many((index) => `203.0.113.7:443-${443 + index}`) })
  const { others, more } = quickly(() => wide.explainIngress('203.0.113.7', 443))
  assert.deepEqual([others.length, more], [100, COUNT - 101])
  assert.throws(() => new Policy({ denyIn: many(() => '203.0.113.7:443-442') }), PolicyError)
})
