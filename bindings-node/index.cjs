'use strict'
// The package: a class for the compiled policy, an error, and schemas, over the addon.
// Nothing is judged here. Arguments go to the addon as they came; it refuses what they are not.

const { inspect } = require('node:util')

// What this file needs of the language, as it was when it was loaded: a program may patch it later.
const { isArray } = Array
const { parse } = JSON
const { freeze, hasOwn, keys } = Object
const split = Function.prototype.call.bind(String.prototype.split)

const native = load()

/** Loads the addon for this platform, or says what to do. */
function load() {
  try {
    return require('./native.cjs')
  } catch (cause) {
    const message =
      `sandgate has no binary for ${process.platform}-${process.arch}. Binaries are optional packages, ` +
      "named '@sandgate/node-' and the platform: install again without '--omit=optional' and on the platform that runs the program."
    throw new Error(message, { cause })
  }
}

/** A document, an entry or a mask is refused. Its message is every problem, one a line. */
class PolicyError extends Error {
  constructor(report) {
    super(report.message)
    this.name = 'PolicyError'
    this.code = 'ERR_SANDGATE_POLICY'
    this.diagnostics = report.errors
    this.more = report.more
  }
}

/** What the addon gave, or the error if it is a report. */
function accepted(answer) {
  if (typeof answer === 'object' && hasOwn(answer, 'errors')) throw new PolicyError(answer)
  return answer
}

/** An object of the addon on its way into a class. Nothing else has its private field, not even a Proxy of one. */
class Handed {
  #object

  constructor(object) {
    this.#object = object
  }

  static object(value) {
    return typeof value === 'object' && value !== null && #object in value ? value.#object : undefined
  }
}

/** An explanation or a difference from its JSON text. */
function told(text) {
  return frozen(parse(text))
}

/** A value that cannot change, with all that is in it. */
function frozen(value) {
  if (typeof value !== 'object' || value === null) return value
  const names = keys(value)
  for (let index = 0; index < names.length; index += 1) frozen(value[names[index]])
  return freeze(value)
}

/** An object's own fields of these names, and an error for others: a misspelt one would be passed over. */
function own(object, names, what) {
  if (object === null || (typeof object !== 'object' && typeof object !== 'function')) throw new TypeError(`${what} is an object`)
  const fields = { __proto__: null }
  const present = keys(object)
  for (let index = 0; index < present.length; index += 1) {
    const name = present[index]
    let known = false
    for (let other = 0; other < names.length; other += 1) known ||= names[other] === name
    if (!known) throw new TypeError(`${what} has no '${name}'`)
    fields[name] = object[name]
  }
  return fields
}

/** What a `Policy` was compiled to. Nothing but a `Policy` of this package has it, not even a Proxy of one. */
let compiledOf

class Policy {
  static {
    compiledOf = (value) => {
      if (typeof value === 'object' && value !== null && #compiled in value) return value.#compiled
      throw new TypeError('what is compared are two objects of the class Policy')
    }
  }

  #compiled
  #allowsIngress
  #allowsEgress
  #decideIngress
  #decideEgress

  constructor(document, options) {
    this.#compiled = Handed.object(document) ?? accepted(native.compile(document, options))
    this.#allowsIngress = this.#compiled.ingress()
    this.#allowsEgress = this.#compiled.egress()
    this.#decideIngress = this.#compiled.ingressExplained()
    this.#decideEgress = this.#compiled.egressExplained()
    freeze(this)
  }

  static fromJson(text, options) {
    return new Policy(new Handed(accepted(native.compileJson(text, options))))
  }

  static restore(saved) {
    return new Policy(new Handed(native.restore(saved)))
  }

  allowsIngress(client, port) {
    return this.#allowsIngress(client, port)
  }

  allowsEgress(address, port) {
    return this.#allowsEgress(address, port)
  }

  decideIngress(client, port) {
    return decision(this.#decideIngress(client, port))
  }

  decideEgress(destination) {
    const { address, port, host, sni } = own(destination, DESTINATION, 'a destination')
    return decision(this.#decideEgress(address, port, host, sni))
  }

  explainIngress(client, port) {
    return told(this.#compiled.explainIngress(client, port))
  }

  explainEgress(destination) {
    const { address, port, host, sni } = own(destination, DESTINATION, 'a destination')
    return told(this.#compiled.explainEgress(address, port, host, sni))
  }

  allowsResolved(address) {
    return this.#compiled.allowsResolved(address)
  }

  allowsIngressMany(clients, ports) {
    return this.#compiled.allowsIngressMany(clients, ports)
  }

  allowsEgressMany(addresses, ports) {
    return this.#compiled.allowsEgressMany(addresses, ports)
  }

  maskedHost(port) {
    return this.#compiled.maskedHost(port)
  }

  equals(other) {
    return typeof other === 'object' && other !== null && #compiled in other && this.#compiled.equals(other.#compiled)
  }

  save() {
    return this.#compiled.save()
  }

  toJSON() {
    return parse(this.#compiled.save())
  }

  get fingerprint() {
    return this.#compiled.fingerprint()
  }

  get canonicalText() {
    return this.#compiled.canonicalText()
  }

  get effects() {
    const effects = this.#compiled.effects()
    for (let index = 0; index < effects.length; index += 1) {
      effects[index] = { code: effects[index][0], message: effects[index][1] }
    }
    return effects
  }

  get config() {
    return this.toJSON().config
  }

  get options() {
    return this.toJSON().options
  }

  [inspect.custom](depth, options) {
    return `Policy ${inspect(this.config, options)}`
  }
}

const DESTINATION = ['address', 'port', 'host', 'sni']

/** An object of what the addon gives as one text: verdict, reason and name, perhaps list, index and entry. */
function decision(text) {
  const parts = split(text, ' ')
  const verdict = parts[0]
  const allowed = verdict === 'allow'
  const reason = parts[1]
  const name = parts[2]
  if (parts.length === 3) return name === '' ? { verdict, allowed, reason } : { verdict, allowed, reason, name }
  const entry = { list: parts[3], index: +parts[4], text: parts[5] }
  return name === '' ? { verdict, allowed, reason, entry } : { verdict, allowed, reason, entry, name }
}

function check(document, options) {
  return native.checkObjects(document, false, options)
}

function checkUpdate(document, options) {
  return native.checkObjects(document, true, options)
}

function checkJson(text, options) {
  return native.checkText(text, false, options)
}

function checkUpdateJson(text, options) {
  return native.checkText(text, true, options)
}

function repairJson(text, options) {
  const { text: repaired, repairs, report } = parse(native.repair(text, options))
  return frozen({ text: repaired ?? text, repairs, report })
}

function diff(before, after) {
  return told(native.diff(compiledOf(before), compiledOf(after)))
}

function widening(before, after) {
  return told(native.widening(compiledOf(before), compiledOf(after)))
}

function tightens(before, after) {
  return native.tightens(compiledOf(before), compiledOf(after))
}

function equivalent(one, other) {
  return native.equivalent(compiledOf(one), compiledOf(other))
}

function canonicalEntry(entry) {
  return accepted(native.canonicalEntry(entry))
}

function applyUpdate(config, update) {
  return parse(accepted(native.applyUpdate(config, update)))
}

function checkGuardrails(document) {
  return native.checkGuardrails(document)
}

class HostMask {
  #text

  constructor(text) {
    accepted(native.maskedHost(text, 80))
    this.#text = text
    freeze(this)
  }

  masked(port) {
    return native.maskedHost(this.#text, port)
  }

  toString() {
    return this.#text
  }
}

class ClientAddress {
  #mode

  constructor(mode) {
    this.#mode = Handed.object(mode)
    if (this.#mode === undefined) {
      throw new TypeError('use ClientAddress.peer(), .trustedHops(hops) or .trustedProxies(networks)')
    }
    freeze(this)
  }

  static peer() {
    return new ClientAddress(new Handed(accepted(native.clientMode(undefined, undefined))))
  }

  static trustedHops(hops, options = {}) {
    const { proxies } = own(options, ['proxies'], 'the options of trusted hops')
    if (hops === undefined) throw new TypeError('trusted hops are a whole number, 1 or more')
    return new ClientAddress(new Handed(accepted(native.clientMode(hops, proxies))))
  }

  static trustedProxies(networks) {
    if (networks === undefined) throw new TypeError('trusted proxies are an array of strings')
    return new ClientAddress(new Handed(accepted(native.clientMode(undefined, networks))))
  }

  derive(peer, headers) {
    return this.#mode.derive(peer, lines(headers, 'x-forwarded-for'))
  }
}

function fromInternalHeader(headers) {
  return native.fromInternalHeader(lines(headers, native.INTERNAL_HEADER))
}

/** The lines of a header, from Fetch `Headers`, from `IncomingHttpHeaders`, or as they are. */
function lines(headers, name) {
  if (headers === undefined || isArray(headers)) return headers ?? []
  if (typeof headers === 'object' && headers !== null) {
    const value = isMap(headers) ? headers.get(name) : hasOwn(headers, name) ? headers[name] : null
    if (value === null || value === undefined) return []
    return isArray(value) ? value : [value]
  }
  throw new TypeError('headers are Headers, IncomingHttpHeaders or an array of lines')
}

/** Whether an object has a `get` as `Headers` has, and not one that every object was given. */
function isMap(headers) {
  const { get } = headers
  return typeof get === 'function' && get !== Object.prototype.get
}

/** A schema of a document, for what understands Standard Schema. */
function schema(judge, jsonSchema, options) {
  const validate = (value) => {
    const report = judge(value, options)
    return report.valid ? { value } : { issues: issues(report) }
  }
  return freeze({
    '~standard': freeze({ version: 1, vendor: 'sandgate', validate }),
    jsonSchema,
    with: (other) => schema(judge, jsonSchema, other),
  })
}

function issues({ errors, more }) {
  const all = errors.map((diagnostic) => ({
    message: diagnostic.help === undefined ? diagnostic.message : `${diagnostic.message} (${diagnostic.help})`,
    path: place(diagnostic.path),
    code: diagnostic.code,
    diagnostic,
  }))
  return more === 0 ? all : [...all, { message: `and ${more} more` }]
}

/** A JSON Pointer as keys; its second part is a place in a list. */
function place(pointer) {
  const parts = pointer.split('/').slice(1)
  return parts.map((part, index) => (index === 1 ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')))
}

const [configSchema, updateSchema] = native.schemas().map((text) => parse(text))

exports.ALL_TRAFFIC = native.ALL_TRAFFIC
exports.INTERNAL_HEADER = native.INTERNAL_HEADER
exports.ClientAddress = ClientAddress
exports.HostMask = HostMask
exports.Policy = Policy
exports.PolicyError = PolicyError
exports.applyUpdate = applyUpdate
exports.canonicalEntry = canonicalEntry
exports.check = check
exports.checkGuardrails = checkGuardrails
exports.checkJson = checkJson
exports.checkUpdate = checkUpdate
exports.checkUpdateJson = checkUpdateJson
exports.diff = diff
exports.equivalent = equivalent
exports.fromInternalHeader = fromInternalHeader
exports.networkConfigSchema = schema(check, configSchema)
exports.networkUpdateSchema = schema(checkUpdate, updateSchema)
exports.repairJson = repairJson
exports.tightens = tightens
exports.widening = widening
