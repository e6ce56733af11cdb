// Repaired documents as values, and hostile texts and arguments where documents are repaired.
// What is repaired, and what is left, is tested by the vectors.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { ALL_TRAFFIC, Policy, PolicyError, checkJson, repairJson } from 'sandgate'
import { polluted, quickly } from './hostile.mjs'

const legacy = '{"denyIn":\n["10.0.0.0/08", "10.0.0.0/8", "192.0.2.7/24"]}'
const codes = ({ report }) => report.errors.map(({ code }) => code)

test('a document is repaired or told what is left', () => {
  const { text, repairs, report } = repairJson(legacy, { hostBits: 'network' })
  assert.equal(text, '{"denyIn":\n["10.0.0.0/8", "192.0.2.0/24"]}')
  assert.ok(report.valid && Policy.fromJson(text))
  assert.equal(
    JSON.stringify(repairs.map(({ reasons, ...repair }) => repair)),
    '[{"list":"denyIn","index":0,"before":"10.0.0.0/08","after":"10.0.0.0/8"},{"list":"denyIn","index":1,"before":"10.0.0.0/8","after":null},' +
      '{"list":"denyIn","index":2,"before":"192.0.2.7/24","after":"192.0.2.0/24"}]',
  )
  const left = repairJson(legacy)
  assert.equal(left.text, legacy.replace('/08', '/8'))
  // The place is that of the text as far as it is repaired.
  assert.deepEqual(left.report.errors.map(({ code, line, column }) => [code, line, column]), [['host-bits', 2, 31]])
  assert.deepEqual([left.report.valid, left.repairs.length], [false, 1])
})

test('warnings of what is repaired are left', () => {
  const repaired = repairJson('{"denyIn": ["192.0.2.0/028", "192.0.2.1"]}')
  assert.deepEqual([repaired.report.valid, repaired.report.warnings.map(({ code }) => code)], [true, ['covered-entry']])
  const minimal = repairJson(repaired.text, { minimize: true })
  assert.deepEqual([minimal.text, minimal.report.warnings], ['{"denyIn": ["192.0.2.0/28"]}', []])
})

test('options are those of the report', () => {
  const text = '{"denyOut": ["10.0.0.0/08:80"], "allowIn": ["2001:DB8::/32"], "denyIn": ["0.0.0.0/0"]}'
  assert.deepEqual(codes(repairJson(text)), ['ports-not-enabled', 'ipv6-ingress-not-enabled'])
  const options = { egressPorts: true, ipv6Ingress: true, guardrails: 'none' }
  const repaired = repairJson(text, options)
  assert.deepEqual([repaired.text, repaired.report], ['{"denyOut": ["10.0.0.0/8:80"], "allowIn": ["2001:db8::/32"], "denyIn": ["0.0.0.0/0"]}', checkJson(repaired.text, options)])
  const { errors, more } = repairJson(JSON.stringify({ denyIn: Array(9).fill('010.0.0.1') }), { limits: { diagnostics: 2 } }).report
  assert.deepEqual([errors.length, more], [2, 7])
  // Guardrails that are refused are what is left, as for a check.
  const refused = { guardrails: { alwaysDeny: [] } }
  assert.deepEqual(repairJson(legacy, refused), { text: legacy, repairs: [], report: checkJson(legacy, refused) })
})

test('results are frozen with all that is in them', () => {
  const inner = (value) => (typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(inner)] : [])
  for (const result of [repairJson(legacy), repairJson(legacy, { hostBits: 'address' }), repairJson(''), repairJson('{}', { limits: { documentBytes: 1 } })]) {
    for (const object of inner(result)) assert.ok(Object.isFrozen(object), inspect(object))
    assert.deepEqual(Object.keys(result), ['text', 'repairs', 'report'])
    assert.throws(() => { result.report.valid = true }, TypeError)
    assert.throws(() => result.repairs.push({}), TypeError)
  }
})

// Wrong types.

const strange = [Symbol('x'), 1n, 0, 1, NaN, null, [], ['network'], {}, () => 'network', new String('network'), new Boolean(true), new Proxy({}, {}), Promise.resolve('network'), { toString: () => 'network' }]

test('another type of argument is a TypeError', () => {
  for (const value of [...strange, true, undefined]) assert.throws(() => repairJson(value), TypeError, inspect(value))
  assert.throws(() => repairJson(), TypeError)
  for (const value of [...strange, true, '', 'Network', 'network ', 'network\0', '\ud800', 'none', 'x'.repeat(1_000_000)]) {
    assert.throws(() => repairJson(legacy, { hostBits: value }), TypeError, inspect(value))
  }
  for (const value of [...strange, 'true', '']) assert.throws(() => repairJson(legacy, { minimize: value }), TypeError, inspect(value))
  for (const name of ['host_bits', 'hostbits', 'Minimize', 'update', '__proto__', 'constructor']) {
    assert.throws(() => repairJson(legacy, { [name]: true }), TypeError, name)
  }
  for (const value of [1, 'network', true, null, [], () => {}, new Map(), new (class Options { minimize = true })()]) assert.throws(() => repairJson(legacy, value), TypeError, inspect(value))
  assert.deepEqual(repairJson(legacy, { hostBits: undefined, minimize: undefined }), repairJson(legacy))
  assert.deepEqual(repairJson(legacy, {}, { hostBits: 'network' }), repairJson(legacy))
  // What only a repair takes is no option of others.
  for (const name of ['hostBits', 'minimize']) assert.throws(() => checkJson(legacy, { [name]: name === 'hostBits' ? 'network' : true }), TypeError, name)
})

test('what an option throws is thrown, and each is read once', () => {
  const thrown = new Error('asked')
  assert.throws(() => repairJson(legacy, { get hostBits() { throw thrown } }), (error) => error === thrown)
  let asked = 0
  const changing = { get hostBits() { asked += 1; return asked === 1 ? 'network' : 'address' } }
  assert.deepEqual(repairJson(legacy, changing), repairJson(legacy, { hostBits: 'network' }))
  assert.equal(asked, 1)
})

// Prototypes and builtins.

const raise = () => { throw new Error('asked') }
const told = () => [repairJson(legacy), repairJson(legacy, { hostBits: 'network', minimize: true }), repairJson('{'), repairJson('{}', { limits: { documentBytes: 1 } })]
const expected = told()

test('a polluted prototype changes no result', () => {
  const names = new Set(['0', '1', 'hostBits', 'minimize', 'toJSON', 'then', 'help', 'span', 'line', 'column'])
  JSON.stringify(expected, (name, value) => { if (name !== '') names.add(name); return value })
  for (const prototype of [Object.prototype, Array.prototype]) {
    for (const name of names) {
      for (const descriptor of [{ value: 'network', writable: true }, { value: true, writable: false }, { get: raise, set: raise }]) {
        let results
        polluted(prototype, name, descriptor, () => { results = told() })
        assert.deepEqual(results, expected, name)
      }
    }
  }
})

test('builtins that are patched later change no result', () => {
  const patched = [
    [JSON, 'parse'], [JSON, 'stringify'], [Object, 'keys'], [Object, 'freeze'], [Object, 'hasOwn'], [Object, 'isFrozen'], [Array, 'isArray'], [Array.prototype, Symbol.iterator],
    [Array.prototype, 'map'], [String.prototype, 'split'], [String.prototype, 'replace'], [Function.prototype, 'call'], [Reflect, 'ownKeys'],
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
    assert.ok(Object.isFrozen(results[0].repairs[0]) && Object.isFrozen(results[0].report.errors), String(name))
  }
})

// Texts and sizes.

test('a text of another shape is left as it is', () => {
  const texts = [
    '', ' ', 'null', '[]', '1', '"x"', '{', '{"denyIn": ["10.0.0.0/08"', '{"denyIn": "10.0.0.0/08"}', '\0', '\ufeff{}', '{"denyIn": ["10.0.0.0/08"], "denyIn": []}',
    '{"denyIn": ["10.0.0.0/08", 1]}', '{"deny_in": ["10.0.0.0/08"]}', '{"denyIn": ["\\ud800"]}', '{"denyIn": ["\ud800"]}', '{"denyIn": ["10.0.0.0/08\ud800"]}', '{"\ud800": []}',
    '{"denyIn": ["10.0.0.0/08\\u0000"]}', '{"denyIn": [[["10.0.0.0/08"]]]}', '['.repeat(100_000), '{"denyIn":'.repeat(100_000),
  ]
  for (const text of texts) {
    for (const minimize of [false, true]) {
      const repaired = quickly(() => repairJson(text, { hostBits: 'network', minimize }))
      assert.equal(repaired.report.valid, false, text.slice(0, 40))
      assert.deepEqual(repaired, { text, repairs: [], report: checkJson(text) })
      assert.throws(() => Policy.fromJson(repaired.text), PolicyError)
    }
  }
})

test('a text as large as a document may be is repaired', () => {
  // Every entry is repaired, and the rest is room before them.
  const [head, tail] = ['{"denyIn": [', `${Array.from({ length: 50_000 }, (_, index) => `"10.${index >> 8}.${index % 256}.0/029"`).join(',')}]}`]
  const text = head + ' '.repeat(2 ** 24 - head.length - tail.length) + tail
  const repaired = quickly(() => repairJson(text))
  assert.ok(repaired.report.valid)
  assert.ok(repaired.text === text.replaceAll('/029', '/29'))
  assert.ok(repaired.repairs.length === 50_000 && repaired.repairs.every(({ index }, place) => index === place))
  // One byte more is not looked into.
  const larger = quickly(() => repairJson(`${text} `))
  assert.deepEqual([codes(larger), larger.repairs], [['document-too-large'], []])
  assert.ok(larger.text === `${text} `)
})

test('what is over the limits is left', () => {
  for (const [letter, length] of [['1', 2 ** 29 - 100], ['x', 20_000_000], ['\ud800', 6_000_000], ['\0', 20_000_000]]) {
    const huge = letter.repeat(length)
    const repaired = quickly(() => repairJson(huge))
    assert.deepEqual(codes(repaired), ['document-too-large'])
    assert.ok(repaired.text === huge)
  }
  // All but one would be removed.
  const many = quickly(() => repairJson(JSON.stringify({ denyIn: Array(100_001).fill('192.0.2.1') })))
  assert.deepEqual([codes(many), many.repairs], [['too-many-entries'], []])
  assert.ok(codes(repairJson(JSON.stringify({ denyIn: ['192.0.2.0/028', 'A'.repeat(2000)], denyOut: [ALL_TRAFFIC] }))).includes('entry-too-long'))
  for (const limits of [{ documentBytes: 9 }, { entriesPerList: 1 }, { entryBytes: 9 }]) {
    const { text, report } = repairJson(legacy, { hostBits: 'network', limits })
    assert.deepEqual([report, report.valid], [checkJson(text, { limits }), false])
  }
})
