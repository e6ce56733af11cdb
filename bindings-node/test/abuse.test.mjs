// Hostile values: each question ends in an exception of the documented kind or in the answer that closes, never in a
// crash, never in an allow. The groups, in this order:
//
// - wrong types in every position: documents, lists, options, addresses, ports, names, headers, batches
// - objects that are not what they seem: classes, proxies, prototypes, boxed values, other realms, wrong receivers
// - getters and proxies that throw, objects and arrays that change while they are read
// - prototypes that are polluted and builtins that are patched after the package was loaded
// - cyclic, deep and enormous objects, and objects that share what they hold
// - huge texts, lone surrogates and NULs in every position
// - typed arrays that are detached, shrunk, shared with a thread that writes, or of another type
// - saved policies that are truncated or forged
//
// Worker threads, processes and memory stand in abuse-process.test.mjs.
// JavaScript has no subclasses of strings and numbers with a value of their own: boxed ones are the closest.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import * as sandgate from 'sandgate'
import { polluted, quickly } from './hostile.mjs'

const { ALL_TRAFFIC, ClientAddress, HostMask, Policy, PolicyError, applyUpdate, canonicalEntry, check, checkGuardrails, checkJson, checkUpdate, fromInternalHeader } = sandgate

const closed = { allowIn: ['203.0.113.0/24:443'], denyIn: [ALL_TRAFFIC], allowOut: ['*.example.com'], denyOut: [ALL_TRAFFIC], maskRequestHost: 'a-${PORT}.example' }
const policy = new Policy(closed)
const [inside, outside] = ['203.0.113.7', '198.51.100.7']
const [inside32, outside32] = [0xcb007107, 0xc6336407]

/** The codes of a document that is refused, alike by both that judge it. */
function codes(document, options) {
  const report = check(document, options)
  assert.equal(report.valid, false)
  assert.throws(() => new Policy(document, options), PolicyError)
  return [...new Set(report.errors.map(({ code }) => code))].join(' ')
}

const ofAddresses = {
  allowsIngress: (address) => policy.allowsIngress(address, 443),
  decideIngress: (address) => policy.decideIngress(address, 443),
  explainIngress: (address) => policy.explainIngress(address, 443),
  allowsIngressMany: (address) => policy.allowsIngressMany([address], 443),
  derive: (address) => ClientAddress.trustedHops(1).derive(address, [`${inside}, 10.0.0.1`]),
  allowsEgress: (address) => policy.allowsEgress(address, 443),
  decideEgress: (address) => policy.decideEgress({ address, port: 443 }),
  explainEgress: (address) => policy.explainEgress({ address, port: 443 }),
  allowsEgressMany: (address) => policy.allowsEgressMany([address], 443),
  allowsResolved: (address) => policy.allowsResolved(address),
}
const ofPorts = {
  allowsIngress: (port) => policy.allowsIngress(inside, port),
  decideIngress: (port) => policy.decideIngress(inside, port),
  explainIngress: (port) => policy.explainIngress(inside, port),
  allowsEgress: (port) => policy.allowsEgress(inside, port),
  decideEgress: (port) => policy.decideEgress({ address: inside, port }),
  explainEgress: (port) => policy.explainEgress({ address: inside, port }),
  allowsIngressMany: (port) => policy.allowsIngressMany([inside], port),
  allowsEgressMany: (port) => policy.allowsEgressMany([inside], port),
  maskedHost: (port) => policy.maskedHost(port),
  masked: (port) => new HostMask('a.example').masked(port),
}
const ofTexts = {
  host: (host) => policy.decideEgress({ address: outside, port: 443, host }),
  sni: (sni) => policy.decideEgress({ address: outside, port: 443, sni }),
  explainedHost: (host) => policy.explainEgress({ address: outside, port: 443, host }),
  explainedSni: (sni) => policy.explainEgress({ address: outside, port: 443, sni }),
  line: (line) => ClientAddress.peer().derive(inside, [line]),
  header: (line) => fromInternalHeader([line]),
  proxy: (proxy) => ClientAddress.trustedProxies([proxy]),
  canonicalEntry: (entry) => canonicalEntry(entry),
  HostMask: (mask) => new HostMask(mask),
  fromJson: (text) => Policy.fromJson(text),
  checkJson: (text) => checkJson(text),
  restore: (text) => Policy.restore(text),
}

class Instance {
  denyIn = [ALL_TRAFFIC]
}
const functions = [() => inside, async () => inside, function* generator() {}, Instance, Date]
const strange = [
  Symbol('x'), Symbol.iterator, 1n, 443n, ...functions, new Date(), /x/, new Map(), new Set([ALL_TRAFFIC]), new WeakMap(), new Instance(), new Error('x'),
  Promise.resolve(inside), new Uint8Array(4), Buffer.from(inside), new ArrayBuffer(4), new SharedArrayBuffer(4), new DataView(new ArrayBuffer(4)),
  new Number(443), new String(inside), new Boolean(true), Object(1n), Object(Symbol('x')), new Proxy(() => {}, {}), new URL('http://a.example'), globalThis, Math, JSON, policy, new WeakRef({}),
  new (class extends Array {})(), { __proto__: null }, { toString: () => inside, valueOf: () => 443, [Symbol.toPrimitive]: () => inside, toJSON: () => ({}) },
]

const isEmpty = (value) => typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null && Reflect.ownKeys(value).length === 0

// Wrong types.

test('another type of document is refused', () => {
  for (const value of [...strange.filter((other) => !isEmpty(other)), 1, NaN, true, 'x', '{}', null, undefined, [], [{}]]) {
    const found = codes(value)
    assert.ok(found === 'wrong-type' || found === 'unknown-field', `${found} ${inspect(value)}`)
    for (const judge of [checkUpdate, (document) => ({ valid: checkGuardrails(document) === null })]) assert.equal(judge(value).valid, false, inspect(value))
    assert.throws(() => applyUpdate(value, {}), PolicyError)
    assert.throws(() => applyUpdate({}, value), PolicyError)
  }
})

test('another type of list, entry, mask or flag is refused', () => {
  for (const value of [...strange, 1, NaN, true]) {
    if (!Array.isArray(value)) assert.equal(codes({ denyIn: value }), 'wrong-type', inspect(value))
    assert.equal(codes({ denyIn: [value] }), 'wrong-type', inspect(value))
    assert.equal(codes({ maskRequestHost: value }), 'wrong-type', inspect(value))
    if (value !== true) assert.equal(codes({ allowInternetAccess: value }), 'wrong-type', inspect(value))
    assert.equal(codes({ denyin: value }), 'unknown-field', inspect(value))
  }
  for (const value of ['x', null, undefined, []]) assert.equal(codes({ allowOut: [value] }), value === 'x' ? 'missing-deny-all' : 'wrong-type')
})

test('another type of option is refused', () => {
  for (const value of [...strange, 1, 'x', null]) {
    const plain = isEmpty(value)
    if (!plain) assert.throws(() => check({}, value), TypeError, inspect(value))
    for (const name of ['egressPorts', 'ipv6Ingress', 'no', '__proto__', 'constructor', 'toString']) {
      assert.throws(() => new Policy({}, { [name]: value }), TypeError, inspect(value))
    }
    for (const name of ['guardrails', 'limits']) {
      if (!plain) assert.throws(() => new Policy({}, { [name]: value }), (error) => error instanceof TypeError || error instanceof PolicyError, inspect(value))
    }
    for (const name of ['alwaysDenied', 'alwaysAllowed', 'exemptPorts', 'nameServer']) {
      if (value !== null && !Array.isArray(value)) assert.throws(() => new Policy({}, { guardrails: { [name]: value } }), PolicyError, `${name} ${inspect(value)}`)
    }
    for (const name of ['documentBytes', 'entriesPerList', 'entryBytes', 'diagnostics', '__proto__']) {
      if (value !== 1) assert.throws(() => new Policy({}, { limits: { [name]: value } }), TypeError, inspect(value))
    }
  }
})

test('another type of address is a TypeError', () => {
  for (const [name, question] of Object.entries(ofAddresses)) {
    for (const value of [...strange, 1, NaN, true, [], [inside]]) assert.throws(() => question(value), TypeError, `${name} ${inspect(value)}`)
  }
})

test('another type of port is a TypeError, another number a RangeError', () => {
  for (const [name, question] of Object.entries(ofPorts)) {
    const isMany = name.endsWith('Many')
    for (const value of [...strange, '443', '443abc', '0x1bb', ' 443', '４４３', '', true, null, undefined, [], [443], NaN, Infinity, -Infinity, 1.5, 443.0000001, 5e-324]) {
      assert.throws(() => question(value), TypeError, `${name} ${inspect(value)}`)
    }
    for (const value of [-1, -443, 65536, 2 ** 16 + 443, 2 ** 32 + 443, 2 ** 53, 2 ** 64 + 443, Number.MAX_VALUE]) {
      assert.throws(() => question(value), RangeError, `${name} ${value}`)
    }
    // Minus zero is zero, which is the port of traffic without one.
    assert.deepEqual(question(-0), question(0))
    if (isMany) assert.throws(() => question(new Float64Array([443])), TypeError)
  }
})

test('another type of text is a TypeError', () => {
  for (const [name, question] of Object.entries(ofTexts)) {
    for (const value of [...strange, 1, NaN, true, [], ['x']]) assert.throws(() => question(value), TypeError, `${name} ${inspect(value)}`)
  }
  for (const value of [1, true, 'x', Symbol('x'), 1n, () => {}]) {
    assert.throws(() => ClientAddress.trustedHops(1).derive(inside, value), TypeError, inspect(value))
    assert.throws(() => fromInternalHeader(value), TypeError, inspect(value))
  }
})

test('another number of hops is a TypeError', () => {
  for (const hops of [...strange, 0, -0, -1, 1.5, NaN, Infinity, 2 ** 53, '1', true, null, undefined, []]) {
    assert.throws(() => ClientAddress.trustedHops(hops), TypeError, inspect(hops))
  }
  for (const options of [...strange, { proxy: [] }, { proxies: null }, { proxies: 'x' }, { proxies: { length: 1, 0: '10.0.0.0/8' } }, null, 1, 'x']) {
    if ((typeof options === 'object' && options !== null && Object.keys(options).length === 0)) continue
    if (typeof options === 'function') continue
    assert.throws(() => ClientAddress.trustedHops(1, options), TypeError, inspect(options))
  }
})

test('a list of questions is an array or a typed array', () => {
  const arrayLike = { length: 1, 0: inside, [Symbol.iterator]: Array.prototype[Symbol.iterator] }
  for (const value of [...strange.filter((other) => !Array.isArray(other)), arrayLike, inside, 1, null, undefined, new Proxy([inside], {}), [inside].values(), new Uint8Array(15), new Int32Array(1), new BigUint64Array(2), new Uint8ClampedArray(16), new Float32Array(1)]) {
    if (value instanceof Uint8Array && value.length % 16 === 0) continue
    assert.throws(() => policy.allowsIngressMany(value, 443), TypeError, inspect(value))
    assert.throws(() => policy.allowsEgressMany(value, 443), TypeError, inspect(value))
  }
  for (const ports of [[443], '443', new Uint8Array(1), new Int16Array(1), new Uint32Array(1), new Float64Array(1), null, undefined, {}, 443n]) {
    assert.throws(() => policy.allowsIngressMany([inside], ports), TypeError, inspect(ports))
  }
})

// Objects that are not what they seem.

test('an object whose fields are not its own is no document', () => {
  class FromNothing extends null {
    get denyIn() { return [ALL_TRAFFIC] }
  }
  const hidden = [
    Object.create({ denyIn: [ALL_TRAFFIC] }),
    Object.create(Object.assign(Object.create(null), { denyIn: [ALL_TRAFFIC] })),
    Object.create(FromNothing.prototype),
    new Proxy(new Map([['denyIn', [ALL_TRAFFIC]]]), {}),
    new Proxy(new (class { get denyIn() { return [ALL_TRAFFIC] } })(), {}),
    new Proxy(new (class { #denyIn = [ALL_TRAFFIC]; toJSON() { return { denyIn: this.#denyIn } } })(), {}),
    new Proxy(policy, {}),
    new Proxy([], {}),
    new Proxy({}, { getPrototypeOf: () => Map.prototype }),
    vm.runInNewContext('new Map()'),
    vm.runInNewContext('new Proxy(new Map(), {})'),
    vm.runInNewContext('Object.create({ denyIn: [] })'),
  ]
  for (const document of hidden) {
    assert.equal(codes(document), 'wrong-type')
    assert.throws(() => new Policy({}, { guardrails: document }), (error) => error instanceof TypeError || error instanceof PolicyError)
    assert.throws(() => new Policy({}, { limits: document }), TypeError)
    assert.throws(() => new Policy({}, document), TypeError)
  }
  // A Proxy of a plain object is read as what it shows.
  assert.equal(new Policy(new Proxy({ denyIn: [ALL_TRAFFIC] }, {})).allowsIngress(outside, 443), false)
  assert.equal(new Policy(vm.runInNewContext(`new Proxy({ denyIn: ['0.0.0.0/0'] }, {})`)).allowsIngress(outside, 443), false)
})

test('names of fields that JavaScript knows are fields like others', () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'length', '0', '', ' denyIn', 'denyIn\0', 'DENYIN', 'denyIn ', 'deny_in']) {
    assert.equal(codes(JSON.parse(`{${JSON.stringify(name)}: ["0.0.0.0/0"]}`)), 'unknown-field', name)
    assert.equal(checkJson(`{${JSON.stringify(name)}: ["0.0.0.0/0"]}`).errors[0].code, 'unknown-field', name)
    for (const question of ['decideEgress', 'explainEgress']) assert.throws(() => policy[question](JSON.parse(`{"address": "192.0.2.1", "port": 443, ${JSON.stringify(name)}: "x"}`)), TypeError, name)
  }
  assert.equal(codes(JSON.parse('{"__proto__": {"denyIn": ["0.0.0.0/0"]}}')), 'unknown-field')
  // A literal sets the prototype, and an object with another prototype is of a class.
  assert.equal(codes({ __proto__: { denyIn: [ALL_TRAFFIC] } }), 'wrong-type')
})

test('toJSON, toString, valueOf and Symbol.toPrimitive are never called', () => {
  const trap = () => { throw new Error('called') }
  const traps = { toJSON: trap, toString: trap, valueOf: trap, [Symbol.toPrimitive]: trap, [Symbol.iterator]: trap }
  assert.equal(codes({ denyIn: [ALL_TRAFFIC], toJSON: trap }), 'unknown-field')
  assert.equal(codes({ denyIn: [traps] }), 'wrong-type')
  assert.equal(codes({ denyIn: traps }), 'wrong-type')
  for (const question of [...Object.values(ofAddresses), ...Object.values(ofPorts), ...Object.values(ofTexts)]) assert.throws(() => question(traps), TypeError)
  const entries = [ALL_TRAFFIC]
  entries.toJSON = trap
  entries[Symbol.iterator] = trap
  assert.equal(new Policy({ denyIn: entries }).allowsIngress(outside, 443), false)
})

test('arrays with holes, with more than elements, and fields that are not enumerable', () => {
  for (const list of [[,], [ALL_TRAFFIC, , ALL_TRAFFIC], [, ALL_TRAFFIC], [ALL_TRAFFIC, ,], Array(3), [undefined], Object.assign([], { length: 2 })]) {
    assert.equal(codes({ denyIn: list }), 'wrong-type', inspect(list))
    assert.throws(() => policy.allowsEgressMany(list, 443), TypeError, inspect(list))
    assert.throws(() => ClientAddress.peer().derive(inside, list), TypeError, inspect(list))
    if (!(0 in list) || !(list.length - 1 in list)) assert.throws(() => policy.allowsIngressMany(list, 443), TypeError, inspect(list))
  }
  const concealed = Object.defineProperty({}, 'denyIn', { value: [ALL_TRAFFIC], enumerable: false })
  assert.equal(new Policy(concealed).allowsIngress(outside, 443), false)
  const more = Object.assign([], { denyIn: ALL_TRAFFIC, '-1': '192.0.2.1', '01': '192.0.2.1', [2 ** 32 - 1]: '192.0.2.1' })
  assert.deepEqual(new Policy({ denyOut: more }).config, new Policy({}).config)
  assert.equal(policy.allowsIngressMany(more, 443).length, 0)
  const accessor = Object.defineProperty([ALL_TRAFFIC, 'x'], 1, { get: () => ALL_TRAFFIC, enumerable: false })
  assert.equal(new Policy({ denyIn: accessor }).allowsIngress(outside, 443), false)
  class List extends Array {}
  assert.equal(new Policy({ denyIn: List.of(ALL_TRAFFIC) }).allowsIngress(outside, 443), false)
  assert.equal(new Policy({ denyIn: vm.runInNewContext(`['0.0.0.0/0']`) }).allowsIngress(outside, 443), false)
})

test('methods do not work on another receiver, nor torn off', () => {
  const other = vm.runInNewContext('({})')
  for (const [made, names] of [
    [policy, ['allowsIngress', 'allowsEgress', 'decideIngress', 'decideEgress', 'explainIngress', 'explainEgress', 'allowsResolved', 'allowsIngressMany', 'allowsEgressMany', 'maskedHost', 'equals', 'save', 'toJSON']],
    [new HostMask('a.example'), ['masked', 'toString']],
    [ClientAddress.peer(), ['derive']],
  ]) {
    for (const name of names) {
      const torn = made[name]
      for (const receiver of [undefined, null, {}, other, 1, 'x', new Proxy(made, {}), Object.create(made), Object.getPrototypeOf(made)]) {
        assert.throws(() => torn.call(receiver, name === 'equals' ? policy : { address: inside, port: 443 }, 443), TypeError, name)
      }
    }
    const { constructor } = made
    for (const call of [() => constructor({}), () => Reflect.construct(Object, [], constructor)[names[0]](inside, 443), () => constructor.call(made, {})]) {
      assert.throws(call, TypeError)
    }
  }
  assert.throws(() => Reflect.apply(Policy, policy, [{}]), TypeError)
})

test('a subclass does not change what a policy is', () => {
  class Open extends Policy {
    allowsIngress() { return true }
    save() { return new Policy({}).save() }
    get config() { return {} }
  }
  const open = new Open(closed)
  assert.equal(Policy.prototype.allowsIngress.call(open, outside, 443), false)
  assert.equal(open.decideIngress(outside, 443).allowed, false)
  assert.ok(policy.equals(open) && open.equals(policy))
  assert.deepEqual(open.toJSON(), policy.toJSON())
  class Field extends Policy { allowsIngress = () => true }
  assert.throws(() => new Field(closed), TypeError)
  class Late extends Policy { constructor() { /* no super */ } }
  assert.throws(() => new Late(), ReferenceError)
  class Another extends Policy { constructor() { super(closed); return { allowsIngress: () => true } } }
  assert.equal(policy.equals(new Another()), false)
})

test('only the package itself makes a policy of the objects of its addon', () => {
  for (const forged of [Object.create(Policy.prototype), new Proxy(policy, {}), new Proxy({}, { getPrototypeOf: () => Policy.prototype, get: () => () => () => true }), { '#compiled': 1 }]) {
    // What claims to be a policy is a document like others, and none that holds.
    assert.throws(() => new Policy(forged).allowsIngress(outside, 443), (error) => error instanceof PolicyError || error instanceof TypeError)
    assert.equal(policy.equals(forged), false)
    assert.throws(() => new ClientAddress(forged), TypeError)
  }
})

// What throws, and what changes while it is read.

test('what a getter or a handler throws is thrown as it is', () => {
  for (const thrown of [new Error('mine'), 'text', 7, null, undefined, Symbol('x'), { then: 1 }, new PolicyError({ message: 'mine', errors: [], more: 0 })]) {
    const raise = () => { throw thrown }
    const traps = ['ownKeys', 'get', 'getPrototypeOf']
    const questions = [
      ...traps.map((trap) => () => check(new Proxy({ denyIn: [ALL_TRAFFIC] }, { [trap]: raise }))),
      ...traps.map((trap) => () => new Policy({}, new Proxy({ egressPorts: true }, { [trap]: raise }))),
      () => check({ get denyIn() { raise() } }),
      () => new Policy({ denyIn: Object.defineProperty([ALL_TRAFFIC], 0, { get: raise }) }),
      () => applyUpdate({}, { get denyIn() { raise() } }),
      () => new Policy({}, { get guardrails() { raise() } }),
      () => policy.decideEgress({ address: outside, get port() { raise() } }),
      () => policy.decideEgress(new Proxy({}, { ownKeys: raise })),
      () => policy.explainEgress({ address: outside, get port() { raise() } }),
      () => policy.explainEgress(new Proxy({}, { ownKeys: raise })),
      () => policy.allowsIngressMany(Object.defineProperty([inside], 0, { get: raise }), 443),
      () => ClientAddress.peer().derive(inside, { get: raise }),
      () => ClientAddress.peer().derive(inside, Object.defineProperty([inside], 0, { get: raise })),
      () => fromInternalHeader({ get [sandgate.INTERNAL_HEADER]() { raise() } }),
    ]
    for (const question of questions) {
      let caught = questions
      try {
        question()
      } catch (error) {
        caught = error
      }
      assert.equal(caught, thrown, String(question))
    }
  }
})

test('a revoked proxy is a TypeError', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  for (const question of [() => check(proxy), () => check({}, proxy), () => policy.decideEgress(proxy), () => policy.explainEgress(proxy), () => ClientAddress.peer().derive(inside, proxy)]) assert.throws(question, TypeError)
  assert.equal(codes({ denyIn: Proxy.revocable([], {}).proxy }), 'wrong-type')
})

test('an object that changes while it is read is refused', () => {
  const changing = [
    { get allowOut() { delete this.denyIn; return [] }, denyIn: [ALL_TRAFFIC] },
    { get allowOut() { this.denyOut = [ALL_TRAFFIC]; return [] } },
    { get allowOut() { delete this.denyIn; this.deny = 1; return [] }, denyIn: [ALL_TRAFFIC] },
    { get allowOut() { delete this.denyIn; this.denyIn = [ALL_TRAFFIC]; return [] }, denyIn: [ALL_TRAFFIC], denyOut: [] },
    { get denyIn() { delete this.denyIn; return [] } },
    new Proxy({ denyIn: [ALL_TRAFFIC] }, { get: (target, name) => { delete target.denyIn; return target[name] } }),
  ]
  for (const document of changing) assert.throws(() => check(document), TypeError)
  assert.throws(() => new Policy({}, { get egressPorts() { delete this.guardrails; return false }, guardrails: { alwaysDenied: ['192.0.2.0/24'] } }), TypeError)
  let asked = 0
  const unsteady = new Proxy({}, { ownKeys: () => ((asked += 1) === 1 ? [] : ['denyIn']), getOwnPropertyDescriptor: () => ({ value: [], enumerable: true, configurable: true }) })
  assert.throws(() => check(unsteady), TypeError)
  // A getter that gives something else each time is read once.
  let times = 0
  const judged = new Policy({ get denyIn() { return (times += 1) === 1 ? [ALL_TRAFFIC] : [] } })
  assert.deepEqual([times, judged.allowsIngress(outside, 443)], [1, false])
})

test('an array that changes while it is read is refused', () => {
  const make = (change) => {
    const list = [ALL_TRAFFIC, ALL_TRAFFIC, ALL_TRAFFIC, ALL_TRAFFIC]
    return Object.defineProperty(list, 1, { get() { change(list); return ALL_TRAFFIC }, configurable: true, enumerable: true })
  }
  const changes = [
    (list) => { list.length = 2 },
    (list) => list.push(ALL_TRAFFIC),
    (list) => list.pop(),
    (list) => { delete list[3] },
    (list) => { list.length = 2 ** 32 - 1 },
    (list) => list.splice(2, 1),
  ]
  for (const change of changes) {
    // Whether the elements that are left are wrong, or the length, is told as it is met.
    assert.throws(() => new Policy({ denyIn: make(change) }), TypeError, String(change))
    assert.throws(() => policy.allowsIngressMany(make(change), 443), TypeError, String(change))
    assert.throws(() => ClientAddress.peer().derive(inside, make(change)), TypeError, String(change))
  }
})

// Prototypes and builtins.

test('a polluted prototype adds no field and hides none', () => {
  const empty = new Policy({})
  const names = ['allowIn', 'denyIn', 'allowOut', 'denyOut', 'maskRequestHost', 'allowInternetAccess', 'egressPorts', 'ipv6Ingress', 'guardrails', 'limits', 'alwaysDenied', 'exemptPorts', 'nameServer', 'errors', 'valid', 'proxies', 'get', 'x-forwarded-for', 'entry', 'name', 'help', 'hasOwnProperty', 'toJSON', 'then']
  for (const name of names) {
    for (const descriptor of [{ value: [ALL_TRAFFIC], writable: true }, { value: 'none', writable: true }, { value: true, writable: false }, { value: () => ['203.0.113.9'] }, { get() { throw new Error(`read ${name}`) }, set() { throw new Error(`set ${name}`) } }]) {
      polluted(Object.prototype, name, name === 'hasOwnProperty' || name === 'toJSON' || name === 'then' ? { value: () => true, writable: true } : descriptor, () => {
        assert.ok(new Policy({}).equals(empty), name)
        assert.ok(new Policy(closed).equals(policy), name)
        assert.ok(new Policy({}, {}).equals(empty), name)
        assert.equal(new Policy({ denyIn: [ALL_TRAFFIC] }).allowsIngress(outside, 443), false)
        // What a setter throws while the error is made comes in its place.
        assert.throws(() => new Policy({ denyin: [] }), descriptor.set === undefined ? PolicyError : Error)
        assert.throws(() => new Policy({ denyOut: ['192.0.2.1:443'] }), Error)
        assert.equal(policy.decideEgress({ address: outside, port: 443 }).verdict, 'deny')
        assert.equal(policy.decideEgress({ address: outside, port: 443, sni: 'api.example.com' }).verdict, 'allow-by-name')
        if (name !== 'get' || descriptor.get === undefined) assert.equal(ClientAddress.trustedHops(1).derive('10.0.0.1', {}), null)
      })
    }
  }
})

test('a polluted prototype adds nothing to a question', () => {
  for (const [name, value] of [['host', 'api.example.com'], ['sni', 'api.example.com'], ['address', inside], ['port', 443]]) {
    polluted(Object.prototype, name, { value, writable: true }, () => {
      assert.equal(policy.decideEgress({ address: outside, port: 443 }).verdict, 'deny', name)
      if (name === 'address' || name === 'port') {
        for (const destination of [{}, { address: outside }, { port: 443 }]) {
          if (!(name in destination && Object.hasOwn(destination, name) && Object.keys(destination).length === 2)) assert.throws(() => policy.decideEgress(destination), TypeError)
        }
      }
    })
  }
})

test('a polluted prototype fills no hole', () => {
  for (const prototype of [Array.prototype, Object.prototype]) {
    for (const index of [0, 1, 2]) {
      polluted(prototype, index, { value: '203.0.113.7', writable: true }, () => {
        const list = ['203.0.113.7', '203.0.113.7', '203.0.113.7']
        delete list[index]
        assert.equal(codes({ denyOut: list }), 'wrong-type')
        assert.throws(() => policy.allowsIngressMany(list, 443), TypeError)
        assert.throws(() => policy.allowsEgressMany(list, 443), TypeError)
        assert.throws(() => ClientAddress.peer().derive(inside, list), TypeError)
        assert.throws(() => ClientAddress.trustedProxies(list), TypeError)
        assert.deepEqual(new Policy({ denyOut: [] }).config, {})
      })
    }
  }
})

test('builtins that are patched later change no answer', () => {
  const patched = [
    [Array, 'isArray'], [Object, 'keys'], [Object, 'hasOwn'], [Object, 'freeze'], [JSON, 'parse'], [JSON, 'stringify'], [String.prototype, 'split'], [Array.prototype, 'map'],
    [Array.prototype, Symbol.iterator], [Function.prototype, 'call'], [Function.prototype, 'bind'], [Function.prototype, 'apply'], [Number.prototype, 'toString'], [globalThis, 'Number'], [Object.prototype, 'toString'], [Reflect, 'apply'],
  ]
  for (const [owner, name] of patched) {
    const original = Object.getOwnPropertyDescriptor(owner, name)
    const questions = () => [
      policy.allowsIngress(outside, 443),
      policy.decideIngress(outside, 443).allowed,
      policy.decideEgress({ address: outside, port: 443 }).allowed,
      policy.decideEgress({ address: outside, port: 443, sni: 'api.example.com' }).allowed,
      policy.allowsIngressMany([outside], 443)[0] === 1,
      new Policy(closed).allowsIngress(outside, 443),
      ClientAddress.trustedHops(1).derive('10.0.0.1', { 'x-forwarded-for': `${outside}, 10.0.0.2` }) !== outside,
      policy.toJSON().config.denyIn[0] !== ALL_TRAFFIC,
    ]
    let answers
    owner[name] = () => true
    try {
      answers = questions()
    } finally {
      Object.defineProperty(owner, name, original)
    }
    assert.deepEqual(answers, Array(8).fill(false), String(name))
  }
})

// Sizes.

test('an object that holds itself is short', () => {
  const list = [ALL_TRAFFIC]
  list.push(list)
  const document = { denyIn: list, denyOut: {} }
  document.denyOut.denyOut = document
  document.allowIn = [document]
  assert.equal(codes(document), 'wrong-type')
  assert.equal(codes(list), 'wrong-type')
  assert.throws(() => new Policy({}, { guardrails: document }), PolicyError)
  const options = {}
  options.limits = options
  assert.throws(() => check({}, options), TypeError)
})

test('100,000 levels are refused', () => {
  for (const wrap of [(deep) => [deep], (deep) => ({ denyIn: deep }), (deep) => ({ guardrails: deep, limits: deep })]) {
    let deep = ALL_TRAFFIC
    for (let level = 0; level < 100_000; level += 1) deep = wrap(deep)
    for (const document of [{ denyIn: deep }, { denyIn: [deep] }, [deep]]) assert.match(quickly(() => codes(document)), /wrong-type/)
    assert.throws(() => new Policy({}, { guardrails: deep }), (error) => error instanceof PolicyError || error instanceof TypeError)
    assert.throws(() => new Policy({}, { limits: deep }), TypeError)
  }
  for (const text of ['['.repeat(100_000), '{"denyIn":'.repeat(100_000), `{"denyIn": [${'['.repeat(100_000)}${']'.repeat(100_000)}]}`]) {
    assert.equal(quickly(() => checkJson(text)).valid, false)
    assert.throws(() => Policy.restore(text), Error)
  }
})

test('what an object shares is not copied without end', () => {
  // Copied, each would be more than any machine has.
  const text = 'x'.repeat(16 << 20)
  for (const document of [{ denyIn: Array(100_000).fill(text) }, { denyIn: Array(100_000).fill([text]) }, { denyIn: Array(9_000_000).fill('192.0.2.1') }, { [text]: 1, [`${text}x`]: 1 }]) {
    assert.match(quickly(() => codes(document)), /^(document-too-large|wrong-type)$/)
  }
  assert.equal(codes({ denyIn: Array(1_000_000).fill('192.0.2.1') }), 'too-many-entries')
  assert.equal(codes({ denyIn: Array(10).fill('192.0.2.1') }, { limits: { entriesPerList: 9 } }), 'too-many-entries')
  assert.equal(codes({ denyIn: ['192.0.2.1'] }, { limits: { documentBytes: 9 } }), 'document-too-large')
  assert.throws(() => new Policy({}, { guardrails: { alwaysDenied: Array(100_000).fill(text) } }), PolicyError)
  assert.throws(() => applyUpdate({}, { denyIn: Array(100_000).fill(text) }), PolicyError)
})

test('an array of any length is refused at once', () => {
  for (const length of [2 ** 32 - 1, 2 ** 31, 100_000_000]) {
    const list = []
    list.length = length
    assert.match(quickly(() => codes({ denyIn: list })), /^(document-too-large|wrong-type)$/)
    assert.match(quickly(() => codes(list)), /^(document-too-large|wrong-type)$/)
    assert.throws(() => quickly(() => policy.allowsIngressMany(list, 443)), TypeError)
    assert.throws(() => quickly(() => policy.allowsEgressMany(list, 443)), TypeError)
    assert.throws(() => quickly(() => ClientAddress.peer().derive(inside, list)), TypeError)
    assert.throws(() => quickly(() => ClientAddress.trustedProxies(list)), TypeError)
    list[length - 1] = inside
    assert.throws(() => quickly(() => policy.allowsIngressMany(list, 443)), TypeError)
  }
})

test('any number of fields is counted or refused', () => {
  const fields = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`f${index}`, null]))
  const { errors, more } = quickly(() => check(fields))
  assert.equal(errors.length + more, 200_000)
  assert.throws(() => quickly(() => policy.decideEgress(fields)), TypeError)
})

// Texts.

test('a huge text is refused wherever it stands', () => {
  for (const [letter, length] of [['1', 2 ** 29 - 100], ['x', 20_000_000], ['é', 10_000_000], ['\ud83d\ude00', 5_000_000], ['\ud800', 6_000_000], ['\0', 20_000_000], ['.', 20_000_000]]) {
    const huge = letter.repeat(length)
    assert.equal(quickly(() => codes({ denyIn: [huge] })), 'document-too-large')
    assert.equal(quickly(() => codes({ maskRequestHost: huge })), 'document-too-large')
    assert.equal(quickly(() => codes(huge)), 'document-too-large')
    assert.equal(quickly(() => checkJson(huge)).errors[0].code, 'document-too-large')
    assert.equal(policy.allowsIngress(huge, 443), false)
    assert.equal(policy.decideIngress(huge, 443).reason, 'unknown-client')
    assert.equal(policy.explainIngress(huge, 443).input.address, null)
    assert.deepEqual(policy.allowsIngressMany([huge, inside], 443), Uint8Array.of(0, 1))
    assert.throws(() => policy.allowsEgress(huge, 443), RangeError)
    assert.throws(() => policy.decideEgress({ address: huge, port: 443 }), RangeError)
    assert.throws(() => policy.allowsIngress(inside, huge), TypeError)
    if (length > 100_000_000) continue
    assert.equal(codes({ [huge]: [] }), 'document-too-large')
    assert.equal(policy.decideEgress({ address: outside, port: 443, host: huge }).verdict, 'deny')
    assert.equal(policy.decideEgress({ address: outside, port: 443, sni: huge }).verdict, 'deny')
    assert.equal(quickly(() => policy.explainEgress({ address: outside, port: 443, sni: huge })).input.host.name, null)
    assert.equal(ClientAddress.trustedHops(1).derive('10.0.0.1', [huge]), null)
    assert.equal(fromInternalHeader([huge]), null)
    for (const build of [canonicalEntry, (text) => new HostMask(text), (text) => ClientAddress.trustedProxies([text]), (text) => Policy.restore(text)]) {
      assert.throws(() => quickly(() => build(huge)), (error) => error.message.length < 50_000)
    }
  }
})

test('what is no text never becomes a text that matches', () => {
  for (const spoilt of ['\ud800', '\udfff', '\udcff', '\ude00\ud83d', '\0', '\ufffd', '\x7f', '\x80', '\u202e', '\ufeff', '\u00ad']) {
    for (const [before, after] of [['', spoilt], [spoilt, ''], [spoilt, spoilt]]) {
      for (const address of [inside, '2001:db8::1']) {
        const text = before + address + after
        assert.equal(policy.allowsIngress(text, 443), false)
        assert.equal(policy.decideIngress(text, 443).reason, 'unknown-client')
        assert.deepEqual(policy.allowsIngressMany([text], 443), Uint8Array.of(0))
        assert.equal(ClientAddress.trustedHops(1).derive('10.0.0.1', [`${text}, 10.0.0.2`]), null)
        assert.equal(ClientAddress.trustedHops(1).derive(text, [`${inside}, 10.0.0.2`]), null)
        assert.equal(fromInternalHeader([text]), null)
        assert.throws(() => policy.allowsEgress(text, 443), RangeError)
        assert.throws(() => policy.allowsResolved(text), RangeError)
      }
      for (const name of [`${before}api.example.com${after}`, `api${spoilt}.example.com`, `api.ex${spoilt}ample.com`]) {
        assert.equal(policy.decideEgress({ address: outside, port: 443, host: name }).verdict, 'deny')
        assert.equal(policy.decideEgress({ address: outside, port: 443, sni: name }).verdict, 'deny')
        assert.equal(policy.explainEgress({ address: outside, port: 443, sni: name }).input.host.name, null)
        assert.ok(codes({ allowOut: [name], denyOut: [ALL_TRAFFIC] }))
        assert.ok(codes({ maskRequestHost: name }))
        assert.throws(() => new HostMask(name), PolicyError)
      }
      assert.ok(codes({ denyIn: [before + ALL_TRAFFIC + after] }))
      assert.equal(codes({ [`${before}denyIn${after}`]: [] }), 'unknown-field')
      assert.throws(() => canonicalEntry(`${before}10.0.0.0/8${after}`), PolicyError)
      assert.throws(() => ClientAddress.trustedProxies([`${before}10.0.0.0/8${after}`]), PolicyError)
      assert.throws(() => new Policy({}, { guardrails: { alwaysDenied: [`${before}10.0.0.0/8${after}`] } }), PolicyError)
      assert.throws(() => new Policy({}, { [`${before}egressPorts${after}`]: true }), TypeError)
      assert.throws(() => new Policy({}, { guardrails: `${before}none${after}` }), TypeError)
      assert.equal(checkJson(`{"denyIn": ["${before}${ALL_TRAFFIC}${after}"]}`).valid, false)
      assert.equal(checkJson(`{"${before}denyIn${after}": []}`).valid, false)
    }
  }
})

// Typed arrays.

test('an array whose buffer was given away is a TypeError', () => {
  const [addresses, ports, sixes] = [Uint32Array.of(inside32), Uint16Array.of(443), new Uint8Array(16)]
  for (const { buffer } of [addresses, ports, sixes]) structuredClone(buffer, { transfer: [buffer] })
  assert.throws(() => policy.allowsIngressMany(addresses, 443), TypeError)
  assert.throws(() => policy.allowsIngressMany(sixes, 443), TypeError)
  assert.throws(() => policy.allowsIngressMany(Uint32Array.of(inside32), ports), TypeError)
  assert.throws(() => policy.allowsIngressMany(addresses, ports), TypeError)
})

test('an array over a buffer that shrank has the elements that are left', () => {
  const buffer = new ArrayBuffer(64, { maxByteLength: 128 })
  const [tracking, fixed, tail] = [new Uint32Array(buffer), new Uint32Array(buffer, 0, 16), new Uint32Array(buffer, 32)]
  tracking.fill(inside32)
  buffer.resize(16)
  assert.deepEqual(policy.allowsIngressMany(tracking, 443), Uint8Array.of(1, 1, 1, 1))
  // What lies outside is empty to JavaScript too: no question, no answer.
  for (const gone of [fixed, tail]) {
    assert.equal(policy.allowsIngressMany(gone, 443).length, 0)
    assert.throws(() => policy.allowsIngressMany(gone, Uint16Array.of(443)), RangeError)
  }
  buffer.resize(128)
  assert.deepEqual([...policy.allowsIngressMany(tracking, 443)], [1, 1, 1, 1, ...Array(28).fill(0)])
  // A getter among the ports or addresses cannot shrink what was read: typed arrays are read at once.
  const addresses = Object.defineProperty([outside, outside], 0, { get() { buffer.resize(0); return outside } })
  assert.throws(() => policy.allowsIngressMany(addresses, new Uint16Array(buffer)), RangeError)
})

test('windows, lengths and types of arrays are what they say', () => {
  const whole = Uint32Array.of(outside32, inside32, outside32)
  assert.deepEqual(policy.allowsIngressMany(whole.subarray(1, 2), 443), Uint8Array.of(1))
  assert.deepEqual(policy.allowsIngressMany(new Uint32Array(whole.buffer, 8), 443), Uint8Array.of(0))
  for (const ports of [new Uint16Array(0), new Uint16Array(2), new Uint16Array(4)]) {
    for (const addresses of [whole, [inside, inside, inside], new Uint8Array(48)]) assert.throws(() => policy.allowsIngressMany(addresses, ports), RangeError)
  }
  for (const length of [1, 15, 17, 31]) assert.throws(() => policy.allowsIngressMany(new Uint8Array(length), 443), TypeError)
  // What an object says about itself is not asked: a typed array has its length and type inside.
  const lying = Uint32Array.of(outside32)
  for (const name of ['length', 'byteLength', 'byteOffset', 'buffer', Symbol.toStringTag, Symbol.iterator, '__proto__']) Object.defineProperty(lying, name, { value: 7 })
  Object.setPrototypeOf(lying, Uint16Array.prototype)
  assert.deepEqual(policy.allowsIngressMany(lying, 443), Uint8Array.of(0))
  assert.throws(() => policy.allowsIngressMany(new Proxy(whole, {}), 443), TypeError)
  assert.throws(() => policy.allowsIngressMany(Object.create(Uint32Array.prototype), 443), TypeError)
  assert.deepEqual(policy.allowsIngressMany(vm.runInNewContext('Uint32Array.of(0xc6336407)'), 443), Uint8Array.of(0))
})

test('memory that another thread writes gives answers to what it held', async () => {
  const count = 20_000
  const buffers = [new SharedArrayBuffer(count * 4), new SharedArrayBuffer(count * 2), new SharedArrayBuffer(4)]
  const [addresses, ports, stop] = [new Uint32Array(buffers[0]), new Uint16Array(buffers[1]), new Int32Array(buffers[2])]
  const worker = new Worker(
    `const { workerData: [a, p, s] } = require('node:worker_threads')
     const [addresses, ports, stop] = [new Uint32Array(a), new Uint16Array(p), new Int32Array(s)]
     Atomics.store(stop, 0, 1); Atomics.notify(stop, 0)
     while (Atomics.load(stop, 0) !== 2) { addresses.fill(${inside32}); ports.fill(443); addresses.fill(${outside32}); ports.fill(80) }`,
    { eval: true, workerData: buffers },
  )
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  while (Atomics.load(stop, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  for (let round = 0; round < 300; round += 1) {
    const answers = policy.allowsIngressMany(addresses, ports)
    assert.equal(answers.length, count)
    assert.ok(answers.every((answer) => answer === 0 || answer === 1))
    assert.ok(policy.allowsIngressMany(new Uint32Array(count).fill(outside32), ports).every((answer) => answer === 0))
  }
  Atomics.store(stop, 0, 2)
  await ended
})

// Saved policies.

test('a saved policy that is truncated or damaged is no other policy', () => {
  const saved = new Policy(closed, { guardrails: { alwaysDenied: ['192.0.2.0/24'] } }).save()
  for (let length = 0; length < saved.length; length += 1) assert.throws(() => Policy.restore(saved.slice(0, length)), Error)
  for (let place = 0; place < saved.length; place += 1) {
    for (const bit of [1, 2, 4, 8, 16, 32]) {
      const damaged = saved.slice(0, place) + String.fromCharCode(saved.charCodeAt(place) ^ bit) + saved.slice(place + 1)
      try {
        // What still is a policy was judged: it holds under its own options, and knows no unknown client.
        const restored = Policy.restore(damaged)
        assert.equal(check(restored.config, { guardrails: restored.options.guardrails }).valid, true)
        assert.equal(restored.allowsIngress(null, 443), false)
      } catch (error) {
        assert.ok(error instanceof Error && error.code !== 'ERR_ASSERTION', error)
      }
    }
  }
})

test('a forged policy is judged again and has guardrails', () => {
  const { options } = policy.toJSON()
  const forged = (config, other) => JSON.stringify({ config, options: { ...options, ...other } })
  for (const text of [
    'null', '[]', '1', '"x"', '{}', '{"config":{}}', '{"options":{}}', '{"config":{},"config":{},"options":{}}', '{"config":{},"options":{},"version":2}', '{"config":null,"options":{}}', `${policy.save()}x`, `\ufeff${policy.save()}`,
    forged({ denyin: [] }), forged({ deny_in: [] }), forged({ denyOut: ['10.1.2.3/8'] }), forged({ allowIn: ['203.0.113.7'] }), forged({ allowOut: ['a.example'] }), forged({ denyOut: ['10.0.0.0/8:443'] }), forged({ denyIn: ALL_TRAFFIC }),
    forged({}, { guardrails: null }), forged({}, { guardrails: 'none' }), forged({}, { guardrails: { alwaysDeny: [] } }), forged({}, { guardrails: { alwaysDenied: ['10.0.0.1/8'] } }), forged({}, { capabilities: { egressPorts: 1 } }), forged({}, { limits: { entryBytes: -1 } }), forged({}, { version: 2 }),
  ]) assert.throws(() => Policy.restore(text), Error, text)
  // What is left out is the default, as in every document of guardrails.
  for (const text of ['{"config":{},"options":{}}', forged({}, { guardrails: {} }), forged({}, { guardrails: { exemptPorts: [] } })]) {
    const restored = Policy.restore(text)
    assert.equal(restored.allowsEgress('10.0.0.1', 443), false)
    assert.equal(restored.allowsEgress('169.254.169.254', 80), false)
  }
})
